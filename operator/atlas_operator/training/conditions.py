"""
Phase and conditions from facts. Pure; called by `plan`.

The conditions follow kstatus, so that `kubectl wait`, Flux, Helm and Argo CD agree: Stalled is true only when nothing
will happen by itself any more, Reconciling only while Ready waits for something, never both. All conditions are always
present.
"""

from dataclasses import dataclass
from datetime import datetime

from atlas_api import AtlasTrainingSpec
from atlas_api.condition import Condition
from atlas_api.training.status import ModelStatus, Phase, RunStatus, Trigger
from atlas_operator.backends.pytorchjob import JobState
from atlas_operator.pending.attempt import Diagnosis
from atlas_operator.status.conditions import Verdict, stalled, stamped
from atlas_operator.training.preconditions import Refusal

MISSING_REFERENCES = frozenset({"SecretMissing", "KeyMissing", "ConfigMapMissing", "ClaimMissing"})
"""Diagnoses that mean that something the spec names does not exist: the spec is not accepted until it does."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that phase and conditions follow from."""

    generation: int
    now: datetime
    before: tuple[Condition, ...]
    spec: AtlasTrainingSpec | None
    refusal: Refusal | None
    """What stands in the way of a run that is live or due."""

    run: RunStatus | None
    state: JobState | None
    """Of the newest attempt's job; None while there is none."""

    ending: bool
    """Whether that attempt is over, or was deleted, and pods of it are not gone yet."""

    diagnosis: Diagnosis | None
    """Why the newest attempt does not run."""

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
        return self.refusal is not None and self.refusal.final

    @property
    def at_work(self) -> bool:
        """Whether a job is there, is going away, or follows by itself."""
        run = self.run if self.live else None
        return run is not None and not run.paused and bool(self.state or run.stopping or run.retry_at)

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
    """One word."""
    run = facts.run
    if facts.suspended:
        return "Suspended"
    if facts.wrong and not facts.at_work:
        return "Invalid"
    if run is not None and run.finished_at is None:
        return _live_phase(run, facts)
    if run is None or run.outcome not in ("Succeeded", "Failed") or facts.refusal:
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
    verdicts = {
        "Ready": ready,
        "Reconciling": _reconciling(facts, running, ready, stopped),
        "Stalled": stopped,
        "Accepted": accepted,
        "Running": running,
        "Suspended": _suspended(facts),
        "LastRunSucceeded": _last_run(facts),
        "ModelAvailable": _model(facts),
    }
    return stamped(verdicts, facts.before, facts.generation, facts.now)


def _accepted(facts: Facts) -> Verdict:
    if facts.refusal:
        return Verdict("False", facts.refusal.reason, facts.refusal.message)
    if facts.diagnosis and facts.diagnosis.reason in MISSING_REFERENCES:
        return Verdict("False", facts.diagnosis.reason, facts.diagnosis.message)
    return Verdict("True", "Accepted", "the spec is valid")


def _suspended(facts: Facts) -> Verdict:
    return Verdict("True", "Suspended", "spec.suspend is true") if facts.suspended else Verdict("False", "Active")


def _running(facts: Facts) -> Verdict:
    run = facts.run
    if run is None or run.finished_at is not None:
        return Verdict("False", "NoLiveRun", "no run is live")
    told = _at_work(facts, run)
    if facts.next_trigger is None:
        return told
    return told._replace(message=f"{told.message}; another run follows ({facts.next_trigger})")


def _at_work(facts: Facts, run: RunStatus) -> Verdict:
    """Whether the live run trains, and why it does not."""
    if run.paused:
        return Verdict("False", "Suspended", f"run {run.number} waits for spec.suspend to be false")
    if facts.stopping:
        said = run.stopping.message if run.stopping else f"attempt {run.attempt} is over"
        return Verdict("False", "Stopping", _joined(said, facts.waiting_for))
    if run.retry_at:
        when = f"attempt {run.attempt + 1} starts at {run.retry_at:%H:%M:%S} UTC"
        return Verdict("False", run.reason or "Retrying", f"{when}: {run.message}")
    if facts.state == "Running":
        return Verdict("True", "Training", f"run {run.number}, attempt {run.attempt}")
    return _starting(facts, run)


def _starting(facts: Facts, run: RunStatus) -> Verdict:
    """Why an attempt that should run does not yet."""
    if facts.waiting_for:
        return Verdict("False", "Waiting", f"waiting for {facts.waiting_for}")
    hindrance = facts.diagnosis or facts.refusal
    if hindrance:
        return Verdict("False", hindrance.reason, hindrance.message)
    return Verdict("False", "Starting", f"run {run.number}, attempt {run.attempt} is being created")


def _joined(message: str, waiting_for: str | None) -> str:
    return f"{message}; waiting for {waiting_for}" if waiting_for else message


def _ready(facts: Facts, accepted: Verdict, running: Verdict) -> Verdict:
    run = facts.run
    if facts.suspended and not facts.wrong:
        return Verdict("True", "Suspended", "suspended by spec.suspend")
    if accepted.status == "False":
        return accepted
    if run is not None and run.outcome == "Failed":
        return Verdict("False", run.reason or "RunFailed", run.message or "the run failed")
    if run is not None and run.outcome == "Succeeded":
        return Verdict("True", "RunSucceeded", f"run {run.number} succeeded")
    wanted = facts.spec.ready_when if facts.spec else "Accepted"
    if wanted == "Accepted" or (wanted == "Running" and running.status == "True"):
        return Verdict("True", wanted, f"readyWhen is {wanted}")
    return Verdict("False", running.reason, running.message or f"readyWhen is {wanted}")


def _reconciling(facts: Facts, running: Verdict, ready: Verdict, stopped: Verdict) -> Verdict:
    run = facts.run
    if stopped.status == "True":
        return Verdict("False", "Stalled", "see the condition Stalled")
    if ready.status == "False":
        return Verdict("True", ready.reason, ready.message)
    if facts.stopping:
        return Verdict("True", running.reason, running.message)
    if facts.live and run is not None and run.retry_at:
        return Verdict("True", "Retrying", run.message or "")
    return Verdict("False", "Settled")


def _is_final(facts: Facts) -> bool:
    """Whether nothing will change without somebody's help."""
    return facts.wrong or (not facts.live and facts.refusal is None)


def _last_run(facts: Facts) -> Verdict:
    run = facts.run
    if run is None:
        return Verdict("Unknown", "NoRun", "no run has started")
    if run.finished_at is None:
        return Verdict("Unknown", "RunLive", f"run {run.number} has not ended")
    if run.outcome == "Succeeded":
        return Verdict("True", "RunSucceeded", f"run {run.number}")
    return Verdict("False", run.reason or "RunFailed", run.message or "")


def _model(facts: Facts) -> Verdict:
    if facts.model is None:
        return Verdict("False", "NoModel", "no run has finished a model")
    return Verdict("True", "ModelAvailable", f"run {facts.model.run}: {facts.model.uri}")
