"""Deadlines of an attempt: when it has taken too long. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from atlas_api.training.limits import Limits
from atlas_api.training.reward import Reward
from atlas_api.training.status import RunStatus, StopReason


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment, and what is wrong once it has passed."""

    at: datetime
    reason: StopReason
    message: str


def overdue(
    limits: Limits, run: RunStatus, scheduled_at: datetime | None, sign_of_life_at: datetime | None, now: datetime
) -> tuple[Deadline | None, datetime | None]:
    """The deadline that has passed, or the moment of the next one.

    *scheduled_at* is when the last pod got its node, *sign_of_life_at* when the trainer last reported anything.
    """
    if run.running_at is not None:
        pending = list(_while_running(limits, run, run.running_at, sign_of_life_at))
    else:
        pending = list(_until_running(limits, run, scheduled_at))
    first = min(pending, key=lambda deadline: deadline.at, default=None)
    if first is None:
        return None, None
    return (first, None) if first.at <= now else (None, first.at)


def service_seconds(newest: Reward, recipe: Reward) -> int | None:
    """How long a run of *recipe* may wait for its RewardService; None: without end.

    Limits are those of the *newest* spec. Where that names no RewardService it cannot have this one.
    """
    named = newest.service_ref is not None and newest.service_ref.name is not None
    return newest.wait_seconds if named else recipe.wait_seconds


def _until_running(limits: Limits, run: RunStatus, scheduled_at: datetime | None) -> Iterator[Deadline]:
    decided_at = run.attempt_at or run.started_at
    if run.blocked_since is not None:
        at = run.blocked_since + timedelta(seconds=limits.start_seconds)
        yield Deadline(at, "StartTimeout", f"not mended within limits.startSeconds ({limits.start_seconds} s)")
    if scheduled_at is not None:
        at = max(scheduled_at, decided_at) + timedelta(seconds=limits.start_seconds)
        yield Deadline(at, "StartTimeout", f"pods did not run within limits.startSeconds ({limits.start_seconds} s)")
    else:
        at = decided_at + timedelta(seconds=limits.queue_seconds)
        yield Deadline(at, "QueueTimeout", f"no room within limits.queueSeconds ({limits.queue_seconds} s)")


def _while_running(
    limits: Limits, run: RunStatus, since: datetime, sign_of_life_at: datetime | None
) -> Iterator[Deadline]:
    alive_at = max(since, sign_of_life_at or since)
    message = f"no sign of progress for limits.stallSeconds ({limits.stall_seconds} s)"
    yield Deadline(alive_at + timedelta(seconds=limits.stall_seconds), "Stalled", message)
    if limits.run_seconds is not None:
        left = limits.run_seconds - run.ran_seconds
        message = f"training took longer than limits.runSeconds ({limits.run_seconds} s); raise it or train fewer steps"
        yield Deadline(since + timedelta(seconds=left), "RunTimeout", message)
