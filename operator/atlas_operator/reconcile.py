"""One look at one AtlasTraining: observe, plan, apply, report, and when to look again. Called by the work queue."""

import logging
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from atlas_api.status import AtlasTrainingStatus, RunStatus
from atlas_operator.api import ApiError
from atlas_operator.cluster import Cluster, NameTaken
from atlas_operator.labels import FIELD_MANAGER
from atlas_operator.observed import Document, Key, time_of
from atlas_operator.plan import Plan, plan
from atlas_operator.refusal import Refusal
from atlas_operator.settings import Settings

_logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 10
"""Progress alone is written at most this often."""

PROGRESS_FIELDS = ("progress", "metrics", "display", "dataset", "checkpoints")


async def reconcile(cluster: Cluster, key: Key, settings: Settings, now: datetime) -> float | None:
    """Bring the training one step further. Returns the seconds until the next look, None to wait for a change.

    The status is written before children are made: a crash in between leaves an intent that the next look carries out.
    """
    now = now.replace(microsecond=0)
    observed = await cluster.observe(key)
    if observed is None:
        return None
    decided = plan(observed, settings.trainer_image, now)
    try:
        return await _carry_out(cluster, observed.training, decided, now)
    except (NameTaken, ApiError) as error:
        hindrance = _hindrance(error)
        if hindrance is None:
            raise
    observed = await cluster.observe(key)
    if observed is None:
        return None
    decided = plan(observed, settings.trainer_image, now, hindrance)
    return await _carry_out(cluster, observed.training, decided, now)


def _hindrance(error: NameTaken | ApiError) -> Refusal | None:
    """What an owner can do something about; None for what only the operator's log explains."""
    if isinstance(error, NameTaken):
        return Refusal("NameTaken", str(error), final=False)
    if error.status in (HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_REQUEST):
        return Refusal("Refused", f"the API server refuses a child of the run: {error}", final=False)
    return None


async def _carry_out(cluster: Cluster, training: Document, decided: Plan, now: datetime) -> float | None:
    """Status and children. What was decided is written before it is done, except what the API server may refuse.

    Children of an attempt that the status names already are tried first: else two statuses would take turns.
    """
    if decided.status is None:
        return None
    if decided.delete or not _is_known(training, decided.status.run):
        training = await _report(cluster, training, decided.status)
    await _apply(cluster, training, decided)
    wait = _wait_for_progress(training, decided.status, now)
    if not wait:
        await _report(cluster, training, decided.status)
    looks = [wait] if wait is not None else []
    if decided.look_again_at is not None:
        looks.append(max(0.0, (decided.look_again_at - now).total_seconds()))
    return min(looks, default=None)


def _is_known(training: Document, run: RunStatus | None) -> bool:
    """Whether the status that is there names this attempt's job."""
    known = training.get("status", {}).get("run", {}).get("job")
    return run is None or run.job is None or known == run.job


async def _report(cluster: Cluster, training: Document, status: AtlasTrainingStatus) -> Document:
    return await cluster.apply_status(training, wire(status))


def _wait_for_progress(training: Document, status: AtlasTrainingStatus, now: datetime) -> float | None:
    """Seconds to wait when nothing but progress changed, and that was written too recently."""
    before, after = training.get("status", {}), wire(status)
    if before == after or _without_progress(before) != _without_progress(after):
        return None
    wait = (last_write(training) + timedelta(seconds=PROGRESS_SECONDS) - now).total_seconds()
    return wait if wait > 0 else None


async def _apply(cluster: Cluster, training: Document, decided: Plan) -> None:
    for document in decided.create:
        await cluster.create(document)
    for document in decided.delete:
        await cluster.delete(document)
    for note in decided.notes:
        _logger.info("%s: %s", note.reason, note.message)
        await cluster.post_event(training, note.type, note.reason, note.message)


def wire(status: AtlasTrainingStatus) -> Document:
    """The status as it is applied, without empty maps and lists: server-side apply makes null of one that had more."""
    document: Document = _without_empty(status.model_dump(mode="json", by_alias=True, exclude_none=True))
    return document


def _without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    slim = {name: _without_empty(inner) for name, inner in value.items()}
    return {name: inner for name, inner in slim.items() if inner not in ({}, [])}


def _without_progress(status: Document) -> Document:
    return {name: value for name, value in status.items() if name not in PROGRESS_FIELDS}


def last_write(training: Document) -> datetime:
    """When this operator last wrote the status, by the API server's clock."""
    times = (
        time_of(entry.get("time"))
        for entry in training["metadata"].get("managedFields", [])
        if entry.get("manager") == FIELD_MANAGER
    )
    return max((at for at in times if at), default=datetime.min.replace(tzinfo=UTC))
