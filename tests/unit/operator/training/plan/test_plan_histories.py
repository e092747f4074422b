"""Generated histories of a training: what always holds is checked at every look, see `plan_rules`."""

from support.training.histories import check_histories

from atlas_api import AtlasTrainingSpec
from atlas_operator.cluster.decode import read_spec_as


def test_every_history_keeps_the_rules_and_comes_to_rest() -> None:
    # Reading an invalid spec raises Python's recursion limit, which must not happen while hypothesis watches it.
    read_spec_as(AtlasTrainingSpec, {"spec": {}})
    assert check_histories(3000, seed=0).histories >= 3000
