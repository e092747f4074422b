"""The batch of a step is the same, however many processes share it."""

from pathlib import Path

import pytest
from support.trainer.trainings import make_training

from atlas_api import AtlasTrainingSpec, InvalidManifest
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
