"""Lineage: what is remembered of a run once another one has followed it. Pure."""

from collections.abc import Mapping
from datetime import datetime

from atlas_api.training.status import AtlasTrainingStatus, HistoryDataset, HistoryEntry, Phase, RunStatus


def history_entry(
    status: AtlasTrainingStatus,
    run: RunStatus,
    *,
    phase: Phase,
    reason: str | None,
    finished_at: datetime,
    metrics: Mapping[str, float],
) -> HistoryEntry:
    """The entry of *run*, the newest one that *status* speaks of: what it came of, and the model that it finished."""
    data, model = status.dataset, status.model
    return HistoryEntry(
        run=run.number,
        phase=phase,
        reason=reason,
        finished_at=finished_at,
        trigger=run.trigger,
        spec_hash=run.spec_hash,
        started_at=run.started_at,
        attempts=run.attempt,
        ran_seconds=run.ran_seconds or None,
        dataset=HistoryDataset(digest=data.digest, used=data.used, rows=data.rows) if data else None,
        model=model if model and model.run == run.number else None,
        metrics=dict(metrics),
    )
