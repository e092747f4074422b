"""Earlier runs as the status remembers them. Pure; called by `plan` when a run begins."""

from atlas_api.status import AtlasTrainingStatus, HistoryEntry, Phase, RunStatus


def with_previous(status: AtlasTrainingStatus, ended: RunStatus | None, limit: int) -> tuple[HistoryEntry, ...]:
    """The history once *ended*, the run that *status* speaks of, has become an earlier one. Newest first."""
    if ended is None or ended.finished_at is None:
        return status.history[:limit]
    phase: Phase = ended.outcome if ended.outcome in ("Succeeded", "Failed") else "Interrupted"
    entry = HistoryEntry(
        run=ended.number,
        phase=phase,
        reason=ended.reason if phase != "Succeeded" else None,
        finished_at=ended.finished_at,
        metrics=status.metrics,
    )
    return (entry, *status.history)[:limit]
