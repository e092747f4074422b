"""Reconciliation of one AtlasTraining: observe, plan, apply, report, and say when to look again."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime

from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.cluster.apply_errors import apply_error_of
from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Document, Key
from atlas_operator.cluster.fields import mapping
from atlas_operator.cluster.ownership import NameTaken
from atlas_operator.cluster.rest.api import ApiError
from atlas_operator.cluster.status_writer import pause, wire
from atlas_operator.objects.join_secret import with_value
from atlas_operator.settings import Settings
from atlas_operator.status.plan_types import EventNote
from atlas_operator.training.observe import observe
from atlas_operator.training.plan import Plan, plan

_log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10
"""Shortest time between writes of progress alone, in seconds."""

PROGRESS_FIELDS = ("progress", "metrics", "display", "dataset", "checkpoints")


async def reconcile(client: ClusterClient, settings: Settings, key: Key, now: datetime) -> float | None:
    """Bring the training one step further. Returns the seconds until the next look, None to wait for a change.

    The status is written before children are made: a crash in between leaves an intent that the next look carries out.
    """
    now = now.replace(microsecond=0)
    observed = await observe(client, key)
    if observed is None:
        return None
    decision = plan(observed, settings.trainer_image, now, allow_code=settings.allow_code)
    try:
        return await _carry_out(client, observed.training, decision, now)
    except (NameTaken, ApiError) as error:
        apply_error = apply_error_of(error, "the run")
        if apply_error is None:
            raise
    observed = await observe(client, key)
    if observed is None:
        return None
    decision = plan(observed, settings.trainer_image, now, apply_error, settings.allow_code)
    return await _carry_out(client, observed.training, decision, now)


async def _carry_out(client: ClusterClient, training: Document, decision: Plan, now: datetime) -> float | None:
    """Write the status and make the children: a decision before its deeds, except what the API server may refuse.

    Children of an attempt that the status names already are tried first: else two statuses would take turns.
    """
    if decision.status is None:
        return None
    if decision.delete or not _is_known(training, decision.status.run):
        training = await _report(client, training, decision.status)
        await _post(client, training, decision.events)
        await _apply(client, decision)
    else:
        await _apply(client, decision)
        await _post(client, training, decision.events)
    wait = pause(training, wire(decision.status), _without_progress, PROGRESS_SECONDS, now)
    if not wait:
        await _report(client, training, decision.status)
    waits = [wait] if wait is not None else []
    if decision.requeue_at is not None:
        waits.append(max(0.0, (decision.requeue_at - now).total_seconds()))
    return min(waits, default=None)


def _is_known(training: Document, run: RunStatus | None) -> bool:
    """Whether the status that is there names this run, and this attempt's job where it has one."""
    known = mapping(training, "status", "run")
    return run is None or (known.get("number") == run.number and run.job in (None, known.get("job")))


async def _report(client: ClusterClient, training: Document, status: AtlasTrainingStatus) -> Document:
    return await client.apply_status(training, wire(status))


async def _apply(client: ClusterClient, decision: Plan) -> None:
    for document in decision.create:
        if document["kind"] == "Secret":
            await client.create_unread(with_value(document, secrets.token_urlsafe(32)))
        else:
            await client.create(document)
    for document in decision.delete:
        await client.delete(document)


async def _post(client: ClusterClient, training: Document, events: Sequence[EventNote]) -> None:
    for event in events:
        _log.info("%s: %s", event.reason, event.message)
        await client.post_event(training, event.type, event.reason, event.message)


def _without_progress(status: Document) -> Document:
    return {name: value for name, value in status.items() if name not in PROGRESS_FIELDS}
