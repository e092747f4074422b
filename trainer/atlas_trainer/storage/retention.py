"""Retention: which checkpoints of a run are deleted once another one is complete. Pure decisions."""

from collections.abc import Iterable, Sequence

from atlas_api.training.status import CheckpointAddress


def best(checkpoints: Iterable[CheckpointAddress]) -> CheckpointAddress | None:
    """The checkpoint with the highest metric; the newest of equals. None when nothing was measured."""
    measured = [address for address in checkpoints if address.metric is not None]
    return max(measured, key=lambda address: (address.metric, address.step), default=None)


def to_delete(complete: Sequence[CheckpointAddress], keep: int, keep_best: bool) -> list[CheckpointAddress]:
    """Checkpoints beyond the newest *keep*, without the best when asked. *keep* is at least 1, so the newest stays."""
    spared = best(complete) if keep_best else None
    newest_first = sorted(complete, key=lambda address: address.step, reverse=True)
    return [address for address in newest_first[keep:] if address != spared]
