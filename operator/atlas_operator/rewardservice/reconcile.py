"""One look at one RewardService: observe, plan, apply, report, and when to look again. Called by the work queue."""

import logging
from datetime import datetime
from typing import Any

from atlas_operator.cluster.api import ApiError
from atlas_operator.cluster.apply_errors import hindrance_of
from atlas_operator.cluster.client import Cluster
from atlas_operator.cluster.observed import Document, Key
from atlas_operator.cluster.ownership import NameTaken
from atlas_operator.cluster.status_writer import pause, wire
from atlas_operator.rewardservice.plan import RewardsPlan, rewards_plan
from atlas_operator.settings import Settings
from atlas_operator.training.preconditions import Refusal

_log = logging.getLogger(__name__)

FIGURES_SECONDS = 60
"""Latencies and error rates alone are written at most this often."""

_FIGURES = ("p50Ms", "p99Ms", "errorRate")


async def reconcile_rewards(cluster: Cluster, key: Key, settings: Settings, now: datetime) -> float | None:
    """Bring the service one step further. Returns the seconds until the next look, None to wait for a change."""
    now = now.replace(microsecond=0)
    try:
        return await _look(cluster, key, settings, now)
    except (NameTaken, ApiError) as error:
        hindrance = hindrance_of(error, "the service")
        if hindrance is None:
            raise
    return await _look(cluster, key, settings, now, hindrance)


async def _look(
    cluster: Cluster, key: Key, settings: Settings, now: datetime, hindrance: Refusal | None = None
) -> float | None:
    observed = await cluster.observe_rewards(key)
    if observed is None:
        return None
    decided = rewards_plan(observed, settings.rewards_image, now, hindrance, settings.allow_code)
    if decided.status is None:
        return None
    if hindrance is None:
        await _apply(cluster, decided)
    return await _report(cluster, observed.service, decided, now)


async def _apply(cluster: Cluster, decided: RewardsPlan) -> None:
    for document in decided.create:
        await cluster.create(document)
    for document in decided.apply:
        await cluster.apply(document)
    for document in decided.merge:
        await cluster.merge(document)
    for document in decided.delete:
        await cluster.delete(document)


async def _report(cluster: Cluster, service: Document, decided: RewardsPlan, now: datetime) -> float | None:
    assert decided.status is not None, "the caller has looked"  # noqa: S101
    status = wire(decided.status)
    wait = pause(service, status, without_figures, FIGURES_SECONDS, now)
    if not wait:
        await cluster.apply_status(service, status)
    for note in decided.notes:
        _log.info("%s: %s", note.reason, note.message)
        await cluster.post_event(service, note.type, note.reason, note.message)
    looks = [wait] if wait is not None else []
    if decided.look_again_at is not None:
        looks.append(max(0.0, (decided.look_again_at - now).total_seconds()))
    return min(looks, default=None)


def without_figures(status: Document) -> Document:
    """*status* without what changes all the time."""
    judges: list[dict[str, Any]] = status.get("judges") or []
    slim = [{name: value for name, value in judge.items() if name not in _FIGURES} for judge in judges]
    display = {name: value for name, value in (status.get("display") or {}).items() if name != "p99"}
    return {**status, "judges": slim, "display": display}
