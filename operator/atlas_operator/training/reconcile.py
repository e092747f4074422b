"""One look at one AtlasTraining: observe, plan, apply, report, and when to look again. Called by the work queue."""

import logging
from collections.abc import Sequence
from datetime import datetime

from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.cluster.api import ApiError
from atlas_operator.cluster.apply_errors import hindrance_of
from atlas_operator.cluster.client import Cluster
from atlas_operator.cluster.fields import mapping
from atlas_operator.cluster.observed import Document, Key
from atlas_operator.cluster.ownership import NameTaken
from atlas_operator.cluster.status_writer import pause, wire
from atlas_operator.settings import Settings
from atlas_operator.status.plan_types import Note, Plan
from atlas_operator.training.plan import plan

_log = logging.getLogger(__name__)

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
    decided = plan(observed, settings.trainer_image, now, allow_code=settings.allow_code)
    try:
        return await _carry_out(cluster, observed.training, decided, now)
    except (NameTaken, ApiError) as error:
        hindrance = hindrance_of(error, "the run")
        if hindrance is None:
            raise
    observed = await cluster.observe(key)
    if observed is None:
        return None
    decided = plan(observed, settings.trainer_image, now, hindrance, settings.allow_code)
    return await _carry_out(cluster, observed.training, decided, now)


async def _carry_out(cluster: Cluster, training: Document, decided: Plan, now: datetime) -> float | None:
    """Status and children. What was decided is written before it is done, except what the API server may refuse.

    Children of an attempt that the status names already are tried first: else two statuses would take turns.
    """
    if decided.status is None:
        return None
    if decided.delete or not _is_known(training, decided.status.run):
        training = await _report(cluster, training, decided.status)
        await _tell(cluster, training, decided.notes)
        await _apply(cluster, decided)
    else:
        await _apply(cluster, decided)
        await _tell(cluster, training, decided.notes)
    wait = pause(training, wire(decided.status), _without_progress, PROGRESS_SECONDS, now)
    if not wait:
        await _report(cluster, training, decided.status)
    looks = [wait] if wait is not None else []
    if decided.look_again_at is not None:
        looks.append(max(0.0, (decided.look_again_at - now).total_seconds()))
    return min(looks, default=None)


def _is_known(training: Document, run: RunStatus | None) -> bool:
    """Whether the status that is there names this run, and this attempt's job where it has one."""
    known = mapping(training, "status", "run")
    return run is None or (known.get("number") == run.number and run.job in (None, known.get("job")))


async def _report(cluster: Cluster, training: Document, status: AtlasTrainingStatus) -> Document:
    return await cluster.apply_status(training, wire(status))


async def _apply(cluster: Cluster, decided: Plan) -> None:
    for document in decided.create:
        await cluster.create(document)
    for document in decided.delete:
        await cluster.delete(document)


async def _tell(cluster: Cluster, training: Document, notes: Sequence[Note]) -> None:
    for note in notes:
        _log.info("%s: %s", note.reason, note.message)
        await cluster.post_event(training, note.type, note.reason, note.message)


def _without_progress(status: Document) -> Document:
    return {name: value for name, value in status.items() if name not in PROGRESS_FIELDS}
