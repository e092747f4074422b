"""Which checkpoints retention deletes."""

import pytest

from atlas_api.training.status import CheckpointAddress
from atlas_trainer.storage.retention import best, to_delete


def at(step: int, metric: float | None = None) -> CheckpointAddress:
    return CheckpointAddress(uri=f"/runs/checkpoint-{step}", step=step, sha256="0", metric=metric)


@pytest.mark.parametrize(
    ("complete", "keep", "keep_best", "deleted"),
    [
        pytest.param([at(1), at(2), at(3)], 2, False, [1], id="the oldest goes first"),
        pytest.param([at(1, 0.9), at(2, 0.1), at(3, 0.2)], 1, True, [2], id="the best is spared"),
        pytest.param([at(1, 0.9), at(2), at(3)], 1, False, [1, 2], id="the best is not spared unless asked"),
        pytest.param([at(1)], 1, False, [], id="the newest complete one always stays"),
        pytest.param([at(1), at(2)], 1, True, [1], id="what was never measured cannot be the best"),
    ],
)
def test_what_retention_deletes(
    complete: list[CheckpointAddress], keep: int, keep_best: bool, deleted: list[int]
) -> None:
    assert sorted(address.step for address in to_delete(complete, keep, keep_best)) == deleted


def test_of_equally_good_checkpoints_the_newest_is_best() -> None:
    assert best([at(1, 0.5), at(2, 0.5), at(3, 0.1)]) == at(2, 0.5)
