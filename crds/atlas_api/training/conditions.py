"""Conditions of a training that mean the same wherever it trains: on a cluster and on a laptop. Pure."""

from typing import Literal

from atlas_api.condition import ConditionValue
from atlas_api.training.status import ModelStatus, RunStatus

ReadyWhen = Literal["Accepted", "Running", "Succeeded"]
"""Values of `spec.readyWhen`."""

ACCEPTED = ConditionValue("True", "Accepted", "the spec is valid")
"""Accepted, of a spec with which a run can start."""

ACTIVE = ConditionValue("False", "Active")
"""Suspended, of a training that nobody suspended."""

NO_LIVE_RUN = ConditionValue("False", "NoLiveRun", "no run is live")
"""Running, of a training whose newest run has ended, or that never had one."""


def training(run: RunStatus) -> ConditionValue:
    """Running, while an attempt of *run* trains."""
    return ConditionValue("True", "Training", f"run {run.number}, attempt {run.attempt}")


def ready_after(run: RunStatus) -> ConditionValue | None:
    """Ready once *run* has succeeded or failed; None before that, and for a run that another one replaced."""
    if run.outcome == "Failed":
        return ConditionValue("False", run.reason or "RunFailed", run.message or "the run failed")
    if run.outcome == "Succeeded":
        return ConditionValue("True", "RunSucceeded", f"run {run.number} succeeded")
    return None


def awaited(ready_when: ReadyWhen, running: ConditionValue) -> ConditionValue:
    """Ready as long as no run has ended: what `readyWhen` asks for, beside the condition *running*."""
    if ready_when == "Accepted" or (ready_when == "Running" and running.status == "True"):
        return ConditionValue("True", ready_when, f"readyWhen is {ready_when}")
    return ConditionValue("False", running.reason, running.message or f"readyWhen is {ready_when}")


def last_run(run: RunStatus | None) -> ConditionValue:
    """LastRunSucceeded, whose newest run is *run*: unknown while that has not ended."""
    if run is None:
        return ConditionValue("Unknown", "NoRun", "no run has started")
    if run.finished_at is None:
        return ConditionValue("Unknown", "RunLive", f"run {run.number} has not ended")
    if run.outcome == "Succeeded":
        return ConditionValue("True", "RunSucceeded", f"run {run.number}")
    return ConditionValue("False", run.reason or "RunFailed", run.message or "")


def model_available(model: ModelStatus | None) -> ConditionValue:
    """ModelAvailable, of a training whose newest finished model is *model*."""
    if model is None:
        return ConditionValue("False", "NoModel", "no run has finished a model")
    return ConditionValue("True", "ModelAvailable", f"run {model.run}: {model.uri}")
