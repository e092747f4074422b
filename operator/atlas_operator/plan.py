"""
What to do about one AtlasTraining: all behaviour of the operator is here, and it is pure.

Called by `reconcile` with what `cluster` observed. The status says which run and attempt there should be; children are
made after it, under names that follow from it, so that a crash at any point is repaired by the next look:

    live run        watch the attempt -> stop it (suspend, replace, move, deadline) or conclude it (success, retry, end)
    no live run     a cause (`triggers`) begins the next one
    always          children that nobody needs any more are deleted (`sweep`)

One attempt is live at a time: nothing is created while a job or pod of another one may still write.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from atlas_api import AtlasTrainingSpec
from atlas_api.errors import FailureClass
from atlas_api.limits import Limits
from atlas_api.retrain import RETRAIN_AT
from atlas_api.status import AtlasTrainingStatus, ModelStatus, Outcome, RunStatus, Stopping, StopReason, Trigger
from atlas_operator.attempt import Attempt, attempt_of, config_map, next_attempt, others_at_work
from atlas_operator.backoff import retry_delay
from atlas_operator.children import attempt_children, progress_map, recipe_children
from atlas_operator.conditions import Facts, conditions, phase
from atlas_operator.deadlines import overdue, service_seconds
from atlas_operator.display import display
from atlas_operator.ending import Failure, Success
from atlas_operator.history import fitting, with_previous
from atlas_operator.job_state import running_since
from atlas_operator.labels import job_name, run_name
from atlas_operator.observed import Document, Observed
from atlas_operator.recovery import attempt_spec, next_run, outdated_run_file, read_story
from atlas_operator.refusal import Refusal, read_spec, refusal
from atlas_operator.reward_service import Served, needed_service
from atlas_operator.sweep import leftovers
from atlas_operator.triggers import next_trigger, unwanted

PATIENCE = timedelta(seconds=30)
"""How long to wait for something that a watch should announce, before looking again anyway."""

HINDRANCE_PATIENCE = timedelta(seconds=60)

RETRAIN_AT_LIMIT = 253
"""Characters of the annotation that count: as many as `status.lastHandledRetrainAt` holds."""

EventType = Literal["Normal", "Warning"]


@dataclass(frozen=True, slots=True)
class Note:
    """An event to post."""

    type: EventType
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order: write the status, create, delete, post."""

    status: AtlasTrainingStatus | None
    create: tuple[Document, ...] = ()
    delete: tuple[Document, ...] = ()
    notes: tuple[Note, ...] = ()
    look_again_at: datetime | None = None


def plan(
    observed: Observed,
    default_image: str | None,
    now: datetime,
    hindrance: Refusal | None = None,
    allow_code: bool = False,
) -> Plan:
    """Decide. *default_image* is used where `compute.image` is left out; *now* is aware.

    *hindrance* is why the API server refused what the last plan wanted to create. *allow_code*: pods may run
    completions as code. Deletion needs nothing: the API
    server collects what the training owns.
    """
    if observed.training["metadata"].get("deletionTimestamp"):
        return Plan(status=None)
    return _Planner(observed, default_image, now, hindrance, allow_code).execute()


class _Planner:
    """One look. `status`, `run` and `attempt` follow the decisions; everything else was observed."""

    def __init__(
        self,
        observed: Observed,
        default_image: str | None,
        now: datetime,
        hindrance: Refusal | None,
        allow_code: bool,
    ) -> None:
        self.observed = observed
        self.training = observed.training
        self.metadata = observed.training["metadata"]
        self.now = now
        self.spec, problems = read_spec(self.training)
        self.refusal = refusal(self.spec, problems, default_image, observed.backend_served, allow_code) or hindrance
        self.default_image = default_image
        self.allow_code = allow_code
        self.retrain_at = self.metadata.get("annotations", {}).get(RETRAIN_AT, "")[:RETRAIN_AT_LIMIT]
        self.before = self.status = read_story(observed, self.retrain_at)
        self.newest = self.before.run
        self.attempt = attempt_of(observed, self.newest)
        self.create: list[Document] = []
        self.delete: list[Document] = []
        self.notes: list[Note] = []
        self.looks: list[datetime] = []
        self.waiting_for: str | None = None
        self.due = False

    def execute(self) -> Plan:
        if self._is_live():
            self.status = self.status.model_copy(update=self.attempt.told())
            self._advance()
        if not self._is_live():
            self._begin_if_due()
        self.delete += leftovers(self.observed, self.newest)
        return Plan(
            status=self._status(),
            create=tuple(self.create),
            delete=tuple(found for found in self.delete if not found["metadata"].get("deletionTimestamp")),
            notes=tuple(self.notes),
            look_again_at=min(self.looks, default=None),
        )

    @property
    def run(self) -> RunStatus:
        """The newest run, where there is one."""
        assert self.newest is not None, "asked only once there is a run"  # noqa: S101
        return self.newest

    @property
    def limits(self) -> Limits:
        return self.spec.limits if self.spec else Limits()

    def _is_live(self) -> bool:
        return self.newest is not None and self.newest.finished_at is None

    def _set(self, **changes: Any) -> None:
        self.newest = self.run.model_copy(update=changes)

    def _note(self, kind: EventType, reason: str, message: str) -> None:
        self.notes.append(Note(kind, reason, message))

    def _wait(self, what: str) -> None:
        self.waiting_for = what
        self.looks.append(self.now + PATIENCE)

    # The live run

    def _advance(self) -> None:
        if self.run.paused:
            self._resume_if_asked()
        elif self.run.stopping:
            self._keep_stopping(self.run.stopping)
        elif self.run.retry_at:
            self._retry_if_due(self.run.retry_at)
        elif self.attempt.job:
            self._watch(self.attempt.job)
        elif self.attempt.has_live_pods:
            self._wait("the pods of a deleted job to end")
        elif self.run.job_uid is None:
            self._start_attempt()
        else:
            self._end(self.attempt.ending())

    def _resume_if_asked(self) -> None:
        if self.spec is None or self.spec.suspend:
            return
        stop = self._unwanted()
        if stop and stop[0] == "Replaced":
            self._finish("Replaced", *stop)
        else:
            self._note("Normal", "Resumed", f"run {self.run.number} goes on from its last checkpoint")
            self._next_attempt()

    def _keep_stopping(self, stopping: Stopping) -> None:
        if self.attempt.job:
            self.delete.append(self.attempt.job)
            self._wait("the job to go away")
        elif self.attempt.has_live_pods:
            self._wait("the pods to save a checkpoint and end")
        elif isinstance(result := self.attempt.ending(), Success):
            self._end(result)
        else:
            self._stopped(stopping.reason, stopping.message)

    def _retry_if_due(self, at: datetime) -> None:
        if stop := self._unwanted():
            self._stopped(*stop)
        elif self.now >= at:
            self._next_attempt()
        else:
            self.looks.append(at)

    def _start_attempt(self) -> None:
        """The attempt is decided, and its job was never seen: make it, unless nobody wants it any more."""
        if stop := self._unwanted():
            self._stopped(*stop)
        else:
            self._make_attempt()

    def _watch(self, job: Document) -> None:
        self._set(job_uid=job["metadata"]["uid"])
        if self.attempt.ended:
            if self.attempt.has_live_pods:
                self._wait("the last pods to end")
            else:
                self._end(self.attempt.ending())
            return
        if self.attempt.progress_map is None and not self.refusal:
            self.create.append(progress_map(self.training, self.run.number))
        if self.attempt.state in ("Queued", "Suspending") and self.run.running_at:
            self._attempt_over()
            self._set(attempt_at=self.now)
        if self.attempt.state == "Running" and self.run.running_at is None:
            self._set(running_at=running_since(job) or self.now)
            self._note("Normal", "Training", f"run {self.run.number}, attempt {self.run.attempt} trains")
        if stop := self._unwanted() or self._overdue():
            self._stop(*stop)

    def _unwanted(self) -> tuple[StopReason, str] | None:
        """Why the attempt should go. For a spec that cannot be started only to rest."""
        stop = unwanted(self.spec, self.run) if self.spec else None
        refused = self.refusal is not None and self.refusal.final
        return None if stop and refused and stop[0] != "Suspended" else stop

    def _overdue(self) -> tuple[StopReason, str] | None:
        attempt = self.attempt
        late, look = overdue(self.limits, self.run, attempt.scheduled_at(), attempt.sign_of_life_at(), self.now)
        if look:
            self.looks.append(look)
        if late is None:
            return None
        diagnosis = attempt.diagnosis()
        return late.reason, f"{late.message}: {diagnosis.message}" if diagnosis else late.message

    def _stop(self, reason: StopReason, message: str) -> None:
        """Deleting the job asks its pods for a checkpoint (SIGTERM, with a long grace period)."""
        self._set(stopping=Stopping(reason=reason, since=self.now, message=message))
        self._note("Normal", "Stopping", f"run {self.run.number} is asked for a checkpoint and stopped: {message}")
        if self.attempt.job:
            self.delete.append(self.attempt.job)
        self._wait("the job to go away")

    def _stopped(self, reason: StopReason, message: str) -> None:
        """The attempt is gone, with a checkpoint if it came to one."""
        self._attempt_over()
        match reason:
            case "Suspended":
                self._set(paused=True)
                self._note("Normal", "Suspended", f"run {self.run.number} is suspended")
            case "Replaced":
                self._finish("Replaced", reason, message)
            case "Moved":
                self._next_attempt()
            case "Stalled":
                self._fail("infrastructure", reason, message)
            case "StartTimeout":
                self._fail("user", reason, message)
            case "QueueTimeout" | "RunTimeout":
                self._finish("Failed", reason, message)

    def _end(self, result: Success | Failure) -> None:
        self._attempt_over()
        if isinstance(result, Success):
            self._finish("Succeeded", None, None, result.model)
        else:
            self._fail(result.failure_class, result.reason, result.message)

    def _attempt_over(self) -> None:
        run = self.run
        until = self.attempt.ended_at() or self.now
        ran = (until - run.running_at).total_seconds() if run.running_at else 0
        over = {"running_at": None, "stopping": None, "retry_at": None, "waiting_since": None}
        self._set(ran_seconds=run.ran_seconds + max(0, int(ran)), **over)

    def _fail(self, failure: FailureClass, reason: str, message: str) -> None:
        count = self.run.failures.get(failure, 0) + 1
        budget: int = self.limits.retries.model_dump(by_alias=True)[failure]
        self._set(failures={**self.run.failures, failure: count}, reason=reason, message=message)
        if count > budget:
            spent = f" (limits.retries.{failure} is {budget})" if budget else ""
            self._finish("Failed", reason, message + spent)
            return
        delay = retry_delay(failure, count, job_name(self.metadata["name"], self.run.number, self.run.attempt))
        at = self.now + timedelta(seconds=round(delay))
        self._set(retry_at=at)
        self.looks.append(at)
        self._note("Warning", "AttemptFailed", f"attempt {self.run.attempt} ended ({reason}): {message}")

    def _finish(
        self, outcome: Outcome, reason: str | None, message: str | None, model: ModelStatus | None = None
    ) -> None:
        at_rest = {"stopping": None, "retry_at": None, "waiting_since": None, "paused": False}
        limits_hash = self.spec.limits_hash() if self.spec else None
        ended = {"finished_at": self.now, "outcome": outcome, "reason": reason, "message": message}
        self._set(**ended, **at_rest, limits_hash=limits_hash)
        if model:
            self.status = self.status.model_copy(update={"model": model})
            message = f"the model is at {model.uri}"
        kind: EventType = "Warning" if outcome == "Failed" else "Normal"
        self._note(kind, f"Run{outcome}", f"run {self.run.number}: {message}")

    # Beginnings

    def _next_attempt(self) -> None:
        fresh = {"job": None, "job_uid": None, "running_at": None, "retry_at": None, "paused": False}
        self._set(attempt=next_attempt(self.observed, self.run), attempt_at=self.now, placement_hash=None, **fresh)
        self.attempt = attempt_of(self.observed, self.run)
        self._make_attempt()

    def _begin_if_due(self) -> None:
        if self.spec is None or self.spec.suspend:
            return
        trigger = next_trigger(self.spec, self.newest, self.retrain_at, self.status.last_handled_retrain_at)
        if trigger and self.refusal:
            self.due = True
            self._hold()
        elif trigger:
            self._begin(trigger, self.spec)

    def _hold(self) -> None:
        """Something stands in the way. An edit of the spec wakes the operator; nobody tells it of other changes."""
        if self.refusal and not self.refusal.final:
            self.looks.append(self.now + HINDRANCE_PATIENCE)

    def _begin(self, trigger: Trigger, spec: AtlasTrainingSpec) -> None:
        number = next_run(self.observed, self.newest)
        self.status = AtlasTrainingStatus(
            model=self.status.model,
            history=with_previous(self.status, self.newest, spec.history_limit),
            last_handled_retrain_at=self.retrain_at or self.status.last_handled_retrain_at,
        )
        self.newest = RunStatus(
            number=number, attempt=1, spec_hash=spec.hash(), trigger=trigger, started_at=self.now, attempt_at=self.now
        )
        self.attempt = Attempt()
        self._note("Normal", "RunStarted", f"run {number} starts ({trigger})")
        self._make_attempt()

    def _make_attempt(self) -> None:
        """Create what the attempt needs, once nothing of another one is at work."""
        other = next(others_at_work(self.observed, self.run), None)
        if other:
            self._wait(f"{other['metadata']['name']}, of an earlier attempt, to end")
        elif self.spec is None or self.refusal:
            self._hold()
        elif (spec := attempt_spec(self.observed, self.spec, self.run)) is None:
            self._finish("Failed", "RunFileMissing", "the ConfigMap with run.json is gone, and the recipe has changed")
        elif outdated := outdated_run_file(self.observed, self.run.number, spec):
            self.delete.append(outdated)
            self._wait("run.json to be made anew")
        elif isinstance(service := needed_service(spec, self.observed.reward_services), str):
            self._await_service(service, spec, service_seconds(self.spec.reward, spec.reward))
        else:
            self._create_attempt(spec, service)

    def _await_service(self, service: str, spec: AtlasTrainingSpec, seconds: int | None) -> None:
        """The wait may be long: what the run trains is kept meanwhile, whatever happens to the spec."""
        since = self.run.waiting_since or self.now
        due = since + timedelta(seconds=seconds) if seconds is not None else None
        if due is not None and due <= self.now:
            self._give_up(f"not Ready within reward.waitSeconds ({seconds} s): {service}", spec)
            return
        self._set(waiting_since=since)
        if config_map(self.observed, run_name(self.metadata["name"], self.run.number)) is None:
            self.create += recipe_children(self.training, spec, self.run)
        self._wait(service)
        self.looks += [due] if due is not None else []

    def _give_up(self, message: str, spec: AtlasTrainingSpec) -> None:
        """The placement is noted although nothing was placed: another one is a cause for another run."""
        self._attempt_over()
        self._set(placement_hash=spec.placement_hash())
        self._finish("Failed", "RewardServiceTimeout", message)

    def _create_attempt(self, spec: AtlasTrainingSpec, service: Served | None) -> None:
        name = job_name(self.metadata["name"], self.run.number, self.run.attempt)
        revision = service.revision if service else None
        if self.run.waiting_since:  # the queue's deadline counts from here
            self._set(waiting_since=None, attempt_at=self.now)
        self._set(job=name, placement_hash=spec.placement_hash(), reward_revision=revision)
        image = spec.compute.image or self.default_image or ""
        self.create += attempt_children(self.training, spec, image, self.run, self.allow_code)

    # The story so far

    def _status(self) -> AtlasTrainingStatus:
        facts = Facts(
            generation=self.metadata.get("generation", 1),
            now=self.now,
            before=self.before.conditions,
            spec=self.spec,
            refusal=self._hindrance(),
            run=self.newest,
            state=self.attempt.state,
            diagnosis=self.attempt.diagnosis() if self._is_live() else None,
            waiting_for=self.waiting_for,
            model=self.status.model,
        )
        told = {
            "observed_generation": facts.generation,
            "run": self.newest,
            "phase": phase(facts),
            "message": self._message(),
            "conditions": conditions(facts),
        }
        status = self.status.model_copy(update=told)
        return fitting(status.model_copy(update={"display": display(status, self.spec)}))

    def _hindrance(self) -> Refusal | None:
        """A wrong spec, or what stands in the way of a run. What no run needs is no trouble while it is away."""
        wanted = self._is_live() or self.due
        return self.refusal if self.refusal and (self.refusal.final or wanted) else None

    def _message(self) -> str | None:
        """What went wrong, while that is the newest thing to say."""
        run = self.newest
        return run.message if run and (run.finished_at or run.retry_at) else None
