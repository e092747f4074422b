"""
What always holds, whatever happens to a training: checked at every look of a `WatchedOperator`.

The ledger remembers what the statuses showed, so that nothing depends on the operator's own memory.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from support.kubernetes.object_store import key, owner
from support.training.simulated_cluster import SimulatedCluster, is_ended, is_over

from atlas_api import AtlasTrainingSpec
from atlas_api.training.limits import Limits
from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.backends.pytorchjob import job_state
from atlas_operator.cluster.decode import read_spec_as
from atlas_operator.cluster.document import Document, time_of
from atlas_operator.cluster.labels import TRAINING
from atlas_operator.cluster.status_writer import wire
from atlas_operator.objects.names import progress_name
from atlas_operator.pending.attempt import pods_scheduled_at
from atlas_operator.training.attempt import place_of
from atlas_operator.training.plan import Plan

LARGEST_STATUS = 32_000
CONDITIONS = 8


@dataclass
class Ledger:
    """What was seen of one training since its status was last lost."""

    uid: str = ""
    written: Document = field(default_factory=dict)
    """The status as the operator last wrote it, or as the training began."""

    lost: bool = False
    """Whether the status was lost since the operator last wrote it."""

    edits: int = 0
    """How often the user had changed the training when the newest run began."""

    run: RunStatus | None = None
    retries: Counter[str] = field(default_factory=Counter)
    """Retries of the newest run by class of failure."""

    budgets: Counter[str] = field(default_factory=Counter)
    """The largest budgets while it lived."""


class PlanRules:
    """The rules, and what they need to remember. Each check raises AssertionError where its rule is broken."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        self.ledger = Ledger()
        self.reached: Counter[str] = Counter()
        """How often each phase, condition and end was planned."""

        self._running: dict[str, datetime] = {}
        """When a job, by UID, was first seen running."""

        self._held: dict[str, datetime] = {}
        """When a job that ran, by UID, was taken out of work."""

        self._immutable: dict[str, Document] = {}
        """Data of all immutable ConfigMaps that ever were, by name."""

    # The ledger

    def recognize(self, training: Document) -> None:
        """Begin another ledger for another training, and for one whose status was lost."""
        uid, status = training["metadata"]["uid"], training["status"]
        if uid != self.ledger.uid:
            self.ledger = Ledger(uid, status)
        elif status != self.ledger.written:
            self.ledger = Ledger(uid, status, lost=True, edits=self.ledger.edits)

    def remember(self, training: Document, status: AtlasTrainingStatus) -> None:
        """Enter a status that was written."""
        before, run, spec = self.ledger.run, status.run, spec_of(training)
        if run is not None and (before is None or run.number != before.number):
            # After a loss nobody knows which run is the newest: what the user did counts on.
            edits = self.ledger.edits if self.ledger.lost else self.cluster.edits
            self.ledger, before = Ledger(self.ledger.uid, edits=edits), None
            self.reached[f"trigger {run.trigger}"] += 1
        self.ledger.written, self.ledger.lost = training["status"], False
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

    # What is planned

    def check_plan(self, training: Document, planned: Plan, status: AtlasTrainingStatus, was_due: bool = True) -> None:
        """Check a plan before it is carried out; *was_due*: whether there was a reason to look."""
        text = status.model_dump_json(by_alias=True, exclude_none=True)
        assert len(text.encode()) < LARGEST_STATUS, f"a status of {len(text.encode())} bytes"
        assert AtlasTrainingStatus.model_validate_json(text) == status, "a status that reads back differently"
        for document in planned.create:
            metadata = document["metadata"]
            jobs = {job["metadata"]["uid"] for job in self.cluster.jobs}
            owners = jobs if document["kind"] == "Secret" else {training["metadata"]["uid"]}
            assert owner(document) in owners, "a child without an owner"
            assert metadata["labels"][TRAINING] == "demo", "a child without the training's label"
            self._check_immutable(document)
        started = any(document["kind"] == "PyTorchJob" for document in planned.create)
        assert not (training["spec"].get("suspend") is True and started), (
            "an attempt starts although spec.suspend is true"
        )
        conditions = {each.type: each.status for each in status.conditions}
        assert len(conditions) == len(status.conditions) == CONDITIONS, "a condition is missing"
        assert not (conditions["Stalled"] == conditions["Reconciling"] == "True"), "both Stalled and Reconciling"
        if self.ledger.run and not self.ledger.lost:
            self._check_runs(self.ledger.run, status.run)
        if status.run and status.run.waiting_since:
            assert not started, "pods are made while judges are waited for"
            self._check_wait(training, status, status.run, status.run.waiting_since)
        if not was_due:
            self._check_idle(training, planned, status)

    def _check_immutable(self, document: Document) -> None:
        """Each name has one content for ever: a kubelet may serve what an immutable ConfigMap of the name once held."""
        name = document["metadata"]["name"]
        if document["kind"] == "Secret":
            assert not {"data", "stringData"} & set(document), "a plan with a secret in it"
        elif document.get("immutable"):
            assert self._immutable.setdefault(name, document["data"]) == document["data"], f"two contents of {name}"
        elif document["kind"] == "PyTorchJob":
            (replica,) = document["spec"]["pytorchReplicaSpecs"].values()
            read = next(
                each["configMap"]["name"] for each in replica["template"]["spec"]["volumes"] if "configMap" in each
            )
            assert read in self._immutable, f"{name} reads {read}, which nobody made"

    def _check_runs(self, before: RunStatus, after: RunStatus | None) -> None:
        assert after is not None, "a run was forgotten"
        assert after.number >= before.number, "run numbers went back"
        if after.number > before.number:
            assert after.number == before.number + 1, "a run was left out"
            assert self.cluster.edits > self.ledger.edits, f"a run without a cause ({after.trigger})"
            return
        assert after.attempt >= before.attempt, "attempt numbers went back"
        if before.finished_at:
            ended = (before.attempt, before.outcome, before.finished_at)
            assert ended == (after.attempt, after.outcome, after.finished_at), "a finished run changed"

    def _check_wait(self, training: Document, status: AtlasTrainingStatus, run: RunStatus, since: datetime) -> None:
        assert run.finished_at is None, "a run that is over waits for judges"
        spec = spec_of(training)
        waits = any("waiting for RewardService" in each.message for each in status.conditions)
        if waits and spec and spec.reward.wait_seconds:
            end = since + timedelta(seconds=spec.reward.wait_seconds)
            assert self.cluster.store.now < end, "a wait for judges outlives its deadline"

    def _check_idle(self, training: Document, planned: Plan, status: AtlasTrainingStatus) -> None:
        """Nothing changed and no date was due: nothing may be done."""
        assert training["status"] == wire(status), "an idle operator writes"
        there = self.cluster.store.objects
        assert all(key(document) in there for document in planned.create), "an idle operator creates"
        assert not any(key(document) in there for document in planned.delete), "an idle operator deletes"

    # What exists

    def check_writers(self) -> None:
        """Check that no two attempts may write."""
        writers = {place_of(pod) for pod in self.cluster.pods if not is_over(pod)}
        writers |= {place_of(job) for job in self.cluster.jobs if not is_ended(job)}
        assert len(writers) <= 1, f"two attempts may write: {sorted(writers)}"

    def check_deadlines(self, training: Document) -> None:
        """Check that no attempt is left alone for longer than its limits allow."""
        spec = spec_of(training)
        if spec is None or not self.cluster.backend_served:
            return
        now = self.cluster.store.now
        for job in self.cluster.jobs:
            uid = job["metadata"]["uid"]
            if job_state(job) == "Running":
                self._running.setdefault(uid, now)
            elif job_state(job) in ("Queued", "Suspending") and uid in self._running:
                del self._running[uid]
                self._held[uid] = now
            if not is_ended(job):
                latest = self._latest(spec.limits, job)
                assert latest is None or now < latest, "an attempt outlives its deadline"

    def _latest(self, limits: Limits, job: Document) -> datetime | None:
        """When an attempt has to be stopped at the latest, from what the cluster knows."""
        uid = job["metadata"]["uid"]
        if since := self._running.get(uid):
            progress = self.cluster.store.objects.get(("ConfigMap", progress_name("demo", place_of(job)[0])), {})
            fields = progress.get("metadata", {}).get("managedFields", [])
            alive = max([since, *(at for entry in fields if (at := time_of(entry["time"])))])
            dates = [alive + timedelta(seconds=limits.stall_seconds)]
            dates += [since + timedelta(seconds=limits.run_seconds)] if limits.run_seconds else []
            return min(dates)
        scheduled = pods_scheduled_at(self.cluster.pods_of(job))
        if scheduled is None:
            return None
        decided = self._held.get(uid) or time_of(job["metadata"]["creationTimestamp"]) or scheduled
        return max(scheduled, decided) + timedelta(seconds=limits.start_seconds)


def spec_of(training: Document) -> AtlasTrainingSpec | None:
    """The spec, None where it is invalid."""
    return _read(json.dumps(training["spec"]))


@lru_cache(maxsize=4096)
def _read(text: str) -> AtlasTrainingSpec | None:
    return read_spec_as(AtlasTrainingSpec, {"spec": json.loads(text)}).spec
