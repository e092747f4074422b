"""Reconciliation of one RewardService: observe, plan, apply, report, and say when to look again."""

import logging
from datetime import datetime
from typing import Any

from atlas_operator.cluster.apply_errors import apply_error_of
from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Document, Key
from atlas_operator.cluster.ownership import NameTaken
from atlas_operator.cluster.rest.api import ApiError
from atlas_operator.cluster.status_writer import pause, wire
from atlas_operator.rewardservice.observe import observe
from atlas_operator.rewardservice.plan import RewardsPlan, plan
from atlas_operator.settings import Settings
from atlas_operator.status.preconditions import FailedPrecondition

_log = logging.getLogger(__name__)

FIGURES_SECONDS = 60
"""Shortest time between writes of latencies and error rates alone, in seconds."""

_FIGURES = ("p50Ms", "p99Ms", "errorRate")


async def reconcile(client: ClusterClient, settings: Settings, key: Key, now: datetime) -> float | None:
    """Bring the service one step further. Returns the seconds until the next look, None to wait for a change."""
    now = now.replace(microsecond=0)
    try:
        return await _step(client, settings, key, now)
    except (NameTaken, ApiError) as error:
        apply_error = apply_error_of(error, "the service")
        if apply_error is None:
            raise
    return await _step(client, settings, key, now, apply_error)


async def _step(
    client: ClusterClient, settings: Settings, key: Key, now: datetime, apply_error: FailedPrecondition | None = None
) -> float | None:
    observed = await observe(client, key)
    if observed is None:
        return None
    decision = plan(observed, settings.rewards_image, now, apply_error, settings.allow_code)
    if decision.status is None:
        return None
    if apply_error is None:
        await _apply(client, decision)
    return await _report(client, observed.service, decision, now)


async def _apply(client: ClusterClient, decision: RewardsPlan) -> None:
    for document in decision.create:
        await client.create(document)
    for document in decision.apply:
        await client.apply(document)
    for document in decision.merge:
        await client.merge(document)
    for document in decision.delete:
        await client.delete(document)


async def _report(client: ClusterClient, service: Document, decision: RewardsPlan, now: datetime) -> float | None:
    assert decision.status is not None, "the caller has checked"  # noqa: S101
    status = wire(decision.status)
    wait = pause(service, status, without_figures, FIGURES_SECONDS, now)
    if not wait:
        await client.apply_status(service, status)
    for event in decision.events:
        _log.info("%s: %s", event.reason, event.message)
        await client.post_event(service, event.type, event.reason, event.message)
    waits = [wait] if wait is not None else []
    if decision.requeue_at is not None:
        waits.append(max(0.0, (decision.requeue_at - now).total_seconds()))
    return min(waits, default=None)


def without_figures(status: Document) -> Document:
    """*status* without what changes all the time."""
    judges: list[dict[str, Any]] = status.get("judges") or []
    slim = [{name: value for name, value in judge.items() if name not in _FIGURES} for judge in judges]
    display = {name: value for name, value in (status.get("display") or {}).items() if name != "p99"}
    return {**status, "judges": slim, "display": display}
