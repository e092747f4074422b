"""Fields that a CRD of another version has or lacks."""

import copy
from typing import Any

import pytest

from atlas_operator.cluster.served_schema import OWN, undeclared

TRAINING = OWN["AtlasTraining"]


def test_the_same_schema_has_no_difference() -> None:
    assert list(undeclared(TRAINING, copy.deepcopy(TRAINING))) == []


@pytest.mark.parametrize(
    "path", ["spec.compute.image", "spec.grpo", "status.run.attempt", "status.history.phase", "status.conditions"]
)
def test_a_field_that_is_missing_is_named_with_its_path_also_in_lists(path: str) -> None:
    older: Any = copy.deepcopy(TRAINING)
    *outer, last = path.split(".")
    place = older
    for name in outer:
        place = place["properties"][name]
        place = place.get("items", place)
    del place["properties"][last]
    assert list(undeclared(TRAINING, older)) == [path]
    assert list(undeclared(older, TRAINING)) == []
