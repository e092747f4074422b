"""History of earlier runs, as the status remembers them. Pure."""

from atlas_api.training.lineage import history_entry
from atlas_api.training.status import AtlasTrainingStatus, HistoryEntry, Phase, RunStatus

LARGEST_STATUS = 30_000
"""Largest size of a status in bytes: every change of one goes to everybody who watches trainings."""

KEPT_METRICS = ("reward", "loss", "evalSuccess", "evalTokens", "baselineSuccess", "baselineTokens")


def with_previous(status: AtlasTrainingStatus, ended: RunStatus | None, limit: int) -> tuple[HistoryEntry, ...]:
    """The history once *ended*, the run that *status* speaks of, has become an earlier one. Newest first."""
    if ended is None or ended.finished_at is None:
        return status.history[:limit]
    phase: Phase = ended.outcome if ended.outcome in ("Succeeded", "Failed") else "Interrupted"
    reason = ended.reason if phase != "Succeeded" else None
    metrics = {name: status.metrics[name] for name in KEPT_METRICS if name in status.metrics}
    entry = history_entry(status, ended, phase=phase, reason=reason, finished_at=ended.finished_at, metrics=metrics)
    return (entry, *status.history)[:limit]


def fitting(status: AtlasTrainingStatus) -> AtlasTrainingStatus:
    """*status* with as much of its history as there is room for."""
    while status.history and len(status.model_dump_json(by_alias=True, exclude_none=True).encode()) > LARGEST_STATUS:
        status = status.model_copy(update={"history": status.history[:-1]})
    return status
