"""
The operator in the simulated world, watched over: every look is checked against the rules that always hold.

A look carries out what `plan` says as `reconcile` does, and may end after any of its steps, as in a crash. The ledger
remembers what the statuses said, so that nothing depends on the operator's own memory.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial

from support.training.plans import wire
from support.training.world import World
from support.training.world_objects import is_ended, is_over, owner

from atlas_api import AtlasTrainingSpec
from atlas_api.training.limits import Limits
from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.backends.pytorchjob import job_state
from atlas_operator.cluster.decode import read_spec_as, read_status_as
from atlas_operator.cluster.document import Document, time_of
from atlas_operator.cluster.labels import TRAINING
from atlas_operator.pending.attempt import pods_scheduled_at
from atlas_operator.status.preconditions import FailedPrecondition, Offer
from atlas_operator.training.attempt import place_of
from atlas_operator.training.observed import Observed
from atlas_operator.training.plan import Plan, plan
from atlas_operator.training.preconditions import failed_precondition

LARGEST_STATUS = 32_000
CONDITIONS = 8


@dataclass
class Ledger:
    """What was seen of one training since its status was last lost."""

    run: RunStatus | None = None
    edits: int = 0
    """Changes by the user since the newest run began."""

    retries: Counter[str] = field(default_factory=Counter)
    """Retries of the newest run by class of failure."""

    budgets: Counter[str] = field(default_factory=Counter)
    """The largest budgets while it lived."""

    lost: bool = False
    """Whether the status was lost since the operator last wrote it."""


class Operator:
    """Looks at the training of a world, and at nothing else."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ledger = Ledger()
        self.reached: Counter[str] = Counter()
        self.looks = 0
        self.look_at: datetime | None = None
        self.running: dict[str, datetime] = {}
        """When a job, by UID, was first seen running."""

        self.held: dict[str, datetime] = {}
        """When it was taken out of work after that."""

    @property
    def is_due(self) -> bool:
        """Whether the operator looks by itself now."""
        return self.world.changed or (self.look_at is not None and self.look_at <= self.world.now)

    def restart(self) -> None:
        """The operator forgets everything and looks at everything."""
        self.world.changed, self.look_at = True, None

    def look(self, crash_after: int | None = None) -> None:
        """One reconciliation. *crash_after* is the number of steps it comes to."""
        training = self.world.training
        if training is None:
            self.world.changed, self.look_at = False, None
            return
        self.looks += 1
        was_due, observed = self.is_due, self.world.observed(training)
        self.world.changed = False
        planned = plan(observed, self.world.default_image, self.world.now)
        if any(document["kind"] == self.world.refused for document in planned.create):
            planned = self._refused(observed, planned)
        if planned.status is None:
            return
        self._check_plan(training, planned, planned.status)
        if not was_due:
            self._check_idle(training, planned, planned.status)
        steps = self._steps(training, planned)
        for step in steps[:crash_after]:
            step()
        self._check_world()
        if crash_after is not None and crash_after < len(steps):
            self.restart()
            return
        self.look_at = planned.requeue_at
        self._check_deadlines(training)

    def _refused(self, observed: Observed, planned: Plan) -> Plan:
        """The status is written, then the API server refuses a child."""
        assert planned.status is not None
        self._check_plan(observed.training, planned, planned.status)
        self._write(observed.training, planned.status)
        hindrance = FailedPrecondition("Refused", "the API server refuses a child of the run", final=False)
        return plan(observed, self.world.default_image, self.world.now, hindrance)

    def _steps(self, training: Document, planned: Plan) -> list[Callable[[], None]]:
        world, status = self.world, planned.status
        assert status is not None
        return [
            partial(self._write, training, status),
            *(partial(world.store, document) for document in planned.create),
            *(partial(world.remove, document) for document in planned.delete),
        ]

    def _write(self, training: Document, status: AtlasTrainingStatus) -> None:
        after = wire(status)
        if training.get("status") != after:
            training["status"] = after
            self.world.changed = True
        self._remember(training, status)
        self.ledger.lost = False

    # The rules

    def _check_plan(self, training: Document, planned: Plan, status: AtlasTrainingStatus) -> None:
        text = json.dumps(wire(status), ensure_ascii=False)
        assert len(text.encode()) < LARGEST_STATUS, f"a status of {len(text.encode())} bytes"
        assert AtlasTrainingStatus.model_validate_json(text) == status, "a status that reads back differently"
        for document in planned.create:
            metadata = document["metadata"]
            assert owner(document) == training["metadata"]["uid"], "a child without an owner"
            assert metadata["labels"][TRAINING] == "demo", "a child without the training's label"
        resting = training["spec"].get("suspend") is True
        started = [document for document in planned.create if document["kind"] == "PyTorchJob"]
        assert not (resting and started), "an attempt starts although spec.suspend is true"
        conditions = {each.type: each.status for each in status.conditions}
        assert len(conditions) == len(status.conditions) == CONDITIONS, "a condition is missing"
        assert not (conditions["Stalled"] == conditions["Reconciling"] == "True"), "both Stalled and Reconciling"
        if not self.ledger.lost:
            self._check_story(status)
        if status.run and status.run.waiting_since:
            self._check_wait(training, planned, status, status.run.waiting_since)

    def _check_wait(self, training: Document, planned: Plan, status: AtlasTrainingStatus, since: datetime) -> None:
        run, spec = status.run, _spec(training)
        assert run is not None
        assert run.finished_at is None, "a run that is over waits for judges"
        made = {document["kind"] for document in planned.create}
        assert "PyTorchJob" not in made, "pods are made while judges are waited for"
        waits = any("waiting for RewardService" in each.message for each in status.conditions)
        if waits and spec and spec.reward.wait_seconds:
            end = since + timedelta(seconds=spec.reward.wait_seconds)
            assert self.world.now < end, "a wait for judges outlives its deadline"

    def _check_story(self, status: AtlasTrainingStatus) -> None:
        before, after = self.ledger.run, status.run
        if before is None:
            return
        assert after is not None, "a run was forgotten"
        assert after.number >= before.number, "run numbers went back"
        if after.number > before.number:
            assert after.number == before.number + 1, "a run was left out"
            assert self.ledger.edits, f"a run without a cause ({after.trigger})"
            return
        assert after.attempt >= before.attempt, "attempt numbers went back"
        if before.finished_at:
            ended = (before.attempt, before.outcome, before.finished_at)
            assert ended == (after.attempt, after.outcome, after.finished_at), "a finished run changed"

    def _remember(self, training: Document, status: AtlasTrainingStatus) -> None:
        before, run = self.ledger.run, status.run
        spec = _spec(training)
        if run is not None and (before is None or run.number != before.number):
            # After a loss nobody knows which run is the newest: what the user did counts on.
            self.ledger = Ledger(edits=self.ledger.edits if self.ledger.lost else 0)
            before = None
            self.reached[f"trigger {run.trigger}"] += 1
        limits = spec.limits if spec else Limits()
        if run and not run.finished_at:
            for kind, budget in limits.retries.model_dump(by_alias=True).items():
                self.ledger.budgets[kind] = max(self.ledger.budgets[kind], budget)
        if before and run and run.retry_at and not before.retry_at:
            self._count_retry(before, run)
        self.ledger.run = run
        self._reach(before, status)

    def _count_retry(self, before: RunStatus, run: RunStatus) -> None:
        kind = next(kind for kind, count in run.failures.items() if count != before.failures.get(kind, 0))
        self.ledger.retries[kind] += 1
        assert self.ledger.retries[kind] <= self.ledger.budgets[kind], f"more retries than limits.retries.{kind}"

    def _reach(self, before: RunStatus | None, status: AtlasTrainingStatus) -> None:
        run = status.run
        reached = [f"phase {status.phase}"]
        reached += [f"{each.type} {each.status} {each.reason}" for each in status.conditions if each.reason]
        if run and run.stopping and not (before and before.stopping):
            reached.append(f"stop {run.stopping.reason}")
        if run and run.outcome and not (before and before.outcome):
            reached.append(f"outcome {run.outcome}")
        self.reached.update(reached)

    def _check_world(self) -> None:
        writers = {place_of(pod) for pod in self.world.pods.values() if not is_over(pod)}
        writers |= {place_of(job) for job in self.world.jobs.values() if not is_ended(job)}
        assert len(writers) <= 1, f"two attempts may write: {sorted(writers)}"

    def _check_idle(self, training: Document, planned: Plan, status: AtlasTrainingStatus) -> None:
        """Nothing changed and no date was due: nothing may be done."""
        assert training.get("status", {}) == wire(status), "an idle operator writes"
        stores = [document for document in planned.create if self.world.key(document) not in self._shelf(document)]
        assert not stores, "an idle operator creates"
        removes = [document for document in planned.delete if self.world.key(document) in self._shelf(document)]
        assert not removes, "an idle operator deletes"

    def _shelf(self, document: Document) -> dict[str, Document]:
        return self.world.shelf(document["kind"])

    def _check_deadlines(self, training: Document) -> None:
        spec = _spec(training)
        if spec is None or not self.world.backend_served:
            return
        for job in self.world.jobs.values():
            uid = job["metadata"]["uid"]
            if job_state(job) == "Running":
                self.running.setdefault(uid, self.world.now)
            elif job_state(job) in ("Queued", "Suspending") and uid in self.running:
                del self.running[uid]
                self.held[uid] = self.world.now
            if not is_ended(job) and "deletionTimestamp" not in job["metadata"]:
                latest = self._latest(spec, job)
                assert latest is None or self.world.now < latest, "an attempt outlives its deadline"

    def _latest(self, spec: AtlasTrainingSpec, job: Document) -> datetime | None:
        """When an attempt has to be stopped at the latest, from what the world knows."""
        limits = spec.limits
        since = self.running.get(job["metadata"]["uid"])
        scheduled = pods_scheduled_at(self.world.pods_of(job))
        if since is not None:
            progress = self.world.config_maps.get(f"demo-{place_of(job)[0]}-progress", {})
            fields = progress.get("metadata", {}).get("managedFields", [])
            alive = max([since, *(at for entry in fields if (at := time_of(entry["time"])))])
            dates = [alive + timedelta(seconds=limits.stall_seconds)]
            dates += [since + timedelta(seconds=limits.run_seconds)] if limits.run_seconds else []
            return min(dates)
        if scheduled is None:
            return None
        decided = self.held.get(job["metadata"]["uid"]) or time_of(job["metadata"]["creationTimestamp"]) or scheduled
        return max(scheduled, decided) + timedelta(seconds=limits.start_seconds)

    # Rest

    def come_to_rest(self, steps: int = 600) -> None:
        """The user does nothing more and the cluster behaves: the story must end."""
        self.world.mend()
        for _ in range(steps):
            if self.is_due:
                self.look()
            elif self.world.work():
                pass
            elif self.look_at is not None:
                self.world.now = max(self.world.now, self.look_at)
            else:
                self._check_rest()
                return
        raise AssertionError("the story does not come to rest")

    def _check_rest(self) -> None:
        world, training = self.world, self.world.training
        working = [job for job in world.jobs.values() if not is_ended(job)]
        assert not working, "a job is left at rest"
        if training is None:
            left = [*world.jobs, *world.pods, *world.config_maps, *world.others]
            assert not left, "something outlives the training"
            return
        status = read_status_as(AtlasTrainingStatus, training)
        assert status.phase in ("Succeeded", "Failed", "Suspended", "Invalid"), f"rests in {status.phase}"
        on = {each.type for each in status.conditions if each.status == "True"}
        assert "Reconciling" not in on, "reconciling at rest"
        assert (status.phase in ("Failed", "Invalid")) <= ("Stalled" in on), "a failure that does not show as Stalled"
        spec = _spec(training)
        offer = Offer(world.default_image, allow_code=False, backend_served=world.backend_served)
        accepted = failed_precondition(spec, [], offer) is None
        assert accepted == (status.phase != "Invalid" and "Accepted" in on) or status.phase == "Suspended"
        if status.run:
            places = [place_of(found) for found in (*world.config_maps.values(), *world.jobs.values())]
            assert all(number >= status.run.number for number, _ in places), "children of an earlier run are left"
        self.reached[f"rest {status.phase}"] += 1


def _spec(training: Document) -> AtlasTrainingSpec | None:
    return _read(json.dumps(training["spec"]))


@lru_cache(maxsize=4096)
def _read(text: str) -> AtlasTrainingSpec | None:
    return read_spec_as(AtlasTrainingSpec, {"spec": json.loads(text)})[0]
