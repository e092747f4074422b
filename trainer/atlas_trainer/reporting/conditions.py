"""
Conditions of a training without a cluster, in the words of the operator. Pure.

A manifest on disk has no generation: every run reads it anew, so that all facts are about the first. Nothing happens by
itself here. A run that was interrupted goes on when somebody starts it again, so it counts as stalled.
"""

from datetime import datetime

from atlas_api.condition import Condition, ConditionValue, stalled, stamped
from atlas_api.training.conditions import (
    ACCEPTED,
    ACTIVE,
    NO_LIVE_RUN,
    ReadyWhen,
    awaited,
    last_run,
    model_available,
    ready_after,
    training,
)
from atlas_api.training.status import LocalStatus

GENERATION = 1


def conditions(status: LocalStatus, now: datetime, ready_when: ReadyWhen) -> tuple[Condition, ...]:
    """All conditions of *status*, in the order in which people read them; each keeps its time until it turns."""
    running = _running(status)
    interrupted = status.phase == "Interrupted"
    ready = running if interrupted else ready_after(status.run) or awaited(ready_when, running)
    stopped = stalled(ready, final=status.phase != "Running")
    values = {
        "Ready": ready,
        "Reconciling": _reconciling(ready, stopped),
        "Stalled": stopped,
        "Accepted": ACCEPTED,
        "Running": running,
        "Suspended": ACTIVE,
        "LastRunSucceeded": last_run(status.run),
        "ModelAvailable": model_available(status.model),
    }
    return stamped(values, status.conditions, GENERATION, now)


def _running(status: LocalStatus) -> ConditionValue:
    run = status.run
    if status.phase == "Running":
        return training(run)
    if status.phase != "Interrupted":
        return NO_LIVE_RUN
    cure = f"run {run.number} goes on as attempt {run.attempt + 1} when it is started again"
    return ConditionValue("False", run.reason or "Interrupted", f"{run.message}; {cure}" if run.message else cure)


def _reconciling(ready: ConditionValue, stopped: ConditionValue) -> ConditionValue:
    if stopped.status == "True":
        return ConditionValue("False", "Stalled", "see the condition Stalled")
    if ready.status == "False":
        return ConditionValue("True", ready.reason, ready.message)
    return ConditionValue("False", "Settled")
