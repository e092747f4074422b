"""Arguments of TRL: the batch of a step is the same, however many processes share it; names are known without TRL."""

from pathlib import Path

import pytest
from support.trainer.trainings import make_training

from atlas_api import AtlasTrainingSpec, InvalidManifest
from atlas_api.manifest import trainer_args
from atlas_trainer.algorithms.argument_names import argument_names
from atlas_trainer.algorithms.grpo_config import arguments_of
from atlas_trainer.algorithms.trl_config import micro_batch


def spec_with(folder: Path, **optimization: int) -> AtlasTrainingSpec:
    return make_training(folder, optimization=optimization).spec


@pytest.mark.parametrize(
    ("batch", "processes", "expected"),
    [
        pytest.param(64, 1, 8, id="the largest divisor up to 8"),
        pytest.param(12, 1, 6, id="a divisor that is no power of two"),
        pytest.param(64, 16, 4, id="no more than the share of a process"),
        pytest.param(20, 2, 5, id="a divisor of the share, not of the whole"),
    ],
)
def test_left_out_it_divides_the_share_of_a_process(tmp_path: Path, batch: int, processes: int, expected: int) -> None:
    assert micro_batch(spec_with(tmp_path, batchSize=batch), processes) == expected


@pytest.mark.parametrize(("processes", "expected"), [(1, 16), (2, 16), (8, 8)])
def test_as_written_it_is_kept_where_the_share_allows_it(tmp_path: Path, processes: int, expected: int) -> None:
    assert micro_batch(spec_with(tmp_path, batchSize=64, microBatchSize=16), processes) == expected


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match="batchSize: 8 is not a multiple of the 3 processes"):
        micro_batch(spec_with(tmp_path, batchSize=8), 3)


def test_the_names_that_are_written_down_are_those_of_the_installed_trl() -> None:
    assert sorted(trainer_args.known_names()) == argument_names(), "TRL has changed: run `make trl-arguments`"


def test_what_atlas_core_sets_is_what_is_refused_in_trainer_args(tmp_path: Path) -> None:
    assert set(arguments_of(make_training(tmp_path).spec, 1, tmp_path, 1)) == set(trainer_args.SET_BY)
