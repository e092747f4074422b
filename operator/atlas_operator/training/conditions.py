"""
Phase and conditions of a training from facts. Pure.

The conditions follow kstatus, so that `kubectl wait`, Flux, Helm and Argo CD agree: Stalled is true only when nothing
will happen by itself any more, Reconciling only while Ready waits for something, never both. All conditions are always
present.
"""

from dataclasses import dataclass
from datetime import datetime

from atlas_api import AtlasTrainingSpec
from atlas_api.condition import Condition, ConditionValue, stalled, stamped
from atlas_api.training.conditions import (
    ACCEPTED,
    ACTIVE,
    NO_LIVE_RUN,
    awaited,
    last_run,
    model_available,
    ready_after,
    training,
)
from atlas_api.training.status import ModelStatus, Phase, RunStatus, Trigger
from atlas_operator.backends.base import JobState
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.status.preconditions import FailedPrecondition, operator_is_older

MISSING_REFERENCES = frozenset(
    {"SecretMissing", "KeyMissing", "ConfigMapMissing", "ClaimMissing", "ServiceAccountMissing", "RuntimeClassMissing"}
    | {"PriorityClassMissing"}
)
"""Pending reasons that mean that something the spec names does not exist: no spec is accepted until it does."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that phase and conditions follow from."""

    generation: int
    now: datetime
    before: tuple[Condition, ...]
    spec: AtlasTrainingSpec | None
    failed_precondition: FailedPrecondition | None
    """What stands in the way of a run that is live or due."""

    unknown_fields: tuple[str, ...]
    """Fields of the spec that only a newer operator knows."""

    run: RunStatus | None
    state: JobState | None
    """State of the newest attempt's job; None while there is none."""

    ending: bool
    """Whether that attempt is over, or was deleted, and pods of it are not gone yet."""

    pending_reason: PendingReason | None
    """Why the newest attempt does not run."""

    in_grace: bool
    """Whether the attempt is too young to be called Ready: mistakes that only the cluster knows may still show."""

    waiting_for: str | None
    """What the next decision waits for, in words."""

    next_trigger: Trigger | None
    """The cause of another run that waits for the end of the live one."""

    model: ModelStatus | None

    @property
    def live(self) -> bool:
        """Whether there is a run that has not ended."""
        return self.run is not None and self.run.finished_at is None

    @property
    def wrong(self) -> bool:
        """Whether only another spec helps."""
        return self.failed_precondition is not None and self.failed_precondition.final

    @property
    def at_work(self) -> bool:
        """Whether a job is there, is going away, or follows by itself."""
        run = self.run if self.live else None
        return run is not None and not run.paused and bool(self.state or run.stopping or run.retry_at)

    @property
    def has_mistake(self) -> bool:
        """Whether the newest attempt does not run until somebody mends something."""
        return self.pending_reason is not None and self.pending_reason.is_mistake

    @property
    def stopping(self) -> bool:
        """Whether the newest attempt is on its way out."""
        return self.run is not None and self.live and (self.run.stopping is not None or self.ending)

    @property
    def suspended(self) -> bool:
        """Whether the user asked for rest and nothing works any more."""
        return (
            self.spec is not None
            and self.spec.suspend
            and (not self.live or (self.run is not None and self.run.paused))
        )


def phase(facts: Facts) -> Phase:
    """Phase of the training, in one word."""
    run = facts.run
    if facts.suspended:
        return "Suspended"
    if facts.wrong and not facts.at_work:
        return "Invalid"
    if run is not None and run.finished_at is None:
        return _live_phase(run, facts)
    if run is None or run.outcome not in ("Succeeded", "Failed") or facts.failed_precondition:
        return "Pending"
    return run.outcome


def _live_phase(run: RunStatus, facts: Facts) -> Phase:
    if facts.stopping:
        return "Stopping"
    if run.retry_at:
        return "Retrying"
    if facts.state in ("Running", "Queued"):
        return facts.state
    return "Starting" if run.job else "Pending"


def conditions(facts: Facts) -> tuple[Condition, ...]:
    """All conditions, in the order in which people read them."""
    accepted = _accepted(facts)
    running = _running(facts)
    ready = _ready(facts, accepted, running)
    stopped = stalled(ready, final=_is_final(facts))
    values = {
        "Ready": ready,
        "Reconciling": _reconciling(facts, running, ready, stopped),
        "Stalled": stopped,
        "Accepted": accepted,
        "Running": running,
        "Suspended": _suspended(facts),
        "LastRunSucceeded": last_run(facts.run),
        "ModelAvailable": model_available(facts.model),
    }
    return stamped(values, facts.before, facts.generation, facts.now)


def _accepted(facts: Facts) -> ConditionValue:
    if facts.failed_precondition:
        return ConditionValue("False", facts.failed_precondition.reason, facts.failed_precondition.message)
    if facts.pending_reason and facts.pending_reason.reason in MISSING_REFERENCES:
        return ConditionValue("False", facts.pending_reason.reason, facts.pending_reason.message)
    if facts.unknown_fields:
        return ACCEPTED._replace(message=operator_is_older(facts.unknown_fields).message)
    return ACCEPTED


def _suspended(facts: Facts) -> ConditionValue:
    return ConditionValue("True", "Suspended", "spec.suspend is true") if facts.suspended else ACTIVE


def _running(facts: Facts) -> ConditionValue:
    run = facts.run
    if run is None or run.finished_at is not None:
        return NO_LIVE_RUN
    value = _at_work(facts, run)
    if facts.next_trigger is None:
        return value
    return value._replace(message=f"{value.message}; another run follows ({facts.next_trigger})")


def _at_work(facts: Facts, run: RunStatus) -> ConditionValue:
    """Whether the live run trains, and why it does not."""
    if run.paused:
        return ConditionValue("False", "Suspended", f"run {run.number} waits for spec.suspend to be false")
    if facts.stopping:
        message = run.stopping.message if run.stopping else f"attempt {run.attempt} is over"
        return ConditionValue("False", "Stopping", _joined(message, facts.waiting_for))
    if run.retry_at:
        when = f"attempt {run.attempt + 1} starts at {run.retry_at:%H:%M:%S} UTC"
        return ConditionValue("False", run.reason or "Retrying", f"{when}: {run.message}")
    if facts.state == "Running":
        return training(run)
    return _starting(facts, run)


def _starting(facts: Facts, run: RunStatus) -> ConditionValue:
    """Why an attempt that should run does not yet."""
    if facts.waiting_for:
        return ConditionValue("False", "Waiting", f"waiting for {facts.waiting_for}")
    cause = facts.pending_reason or facts.failed_precondition
    if cause:
        return ConditionValue("False", cause.reason, cause.message)
    return ConditionValue("False", "Starting", f"run {run.number}, attempt {run.attempt} is being created")


def _joined(message: str, waiting_for: str | None) -> str:
    return f"{message}; waiting for {waiting_for}" if waiting_for else message


def _ready(facts: Facts, accepted: ConditionValue, running: ConditionValue) -> ConditionValue:
    run = facts.run
    if facts.suspended and not facts.wrong:
        return ConditionValue("True", "Suspended", "suspended by spec.suspend")
    if accepted.status == "False":
        return accepted
    ended = ready_after(run) if run is not None else None
    if ended is None and (facts.has_mistake or facts.in_grace):
        return running._replace(status="False")
    return ended or awaited(facts.spec.ready_when if facts.spec else "Accepted", running)


def _reconciling(
    facts: Facts, running: ConditionValue, ready: ConditionValue, stopped: ConditionValue
) -> ConditionValue:
    run = facts.run
    if stopped.status == "True":
        return ConditionValue("False", "Stalled", "see the condition Stalled")
    if ready.status == "False":
        return ConditionValue("True", ready.reason, ready.message)
    if facts.stopping:
        return ConditionValue("True", running.reason, running.message)
    if facts.live and run is not None and run.retry_at:
        return ConditionValue("True", "Retrying", run.message or "")
    return ConditionValue("False", "Settled")


def _is_final(facts: Facts) -> bool:
    """Whether nothing will change without somebody's help."""
    return facts.wrong or (not facts.live and facts.failed_precondition is None)
