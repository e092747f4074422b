"""
One training's story, step by step: each method of a `Scenario` returns the next one and leaves its own as it was.

    started = Scenario(readyWhen="Running").look_until_quiet().running(at=10)
    stopping = started.edit(suspend=True).look(20)
    suspended = stopping.pods_end().look(120)
"""

import copy
import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from support.kubernetes.kube_objects import make_condition, make_pod, moment
from support.training.cluster_trainings import finished_report
from support.training.simulated_cluster import SimulatedCluster, replica_type
from support.training.watched_operator import WatchedOperator

from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT, RUN
from atlas_operator.objects.names import job_name
from atlas_operator.objects.run import RUN_KEY
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_operator.training.plan import Plan

Given = ParamSpec("Given")


def step(act: Callable[Concatenate["Scenario", Given], None]) -> Callable[Concatenate["Scenario", Given], "Scenario"]:
    """Let a method act on a copy of the scenario, and return the copy."""

    @wraps(act)
    def stepped(before: "Scenario", /, *positional: Given.args, **named: Given.kwargs) -> "Scenario":
        following = copy.deepcopy(before)
        act(following, *positional, **named)
        return following

    return stepped


class Scenario:
    """A training that was just applied in a simulated cluster. Keywords replace whole parts of its spec."""

    def __init__(self, **spec: Any) -> None:
        self.cluster = SimulatedCluster()
        self.cluster.apply(**spec)
        self.operator = WatchedOperator(self.cluster)

    # What there is

    @property
    def training(self) -> Document:
        """The training as the API server keeps it."""
        assert self.cluster.training is not None
        return self.cluster.training

    @property
    def last(self) -> Plan:
        """What the operator planned at its last look."""
        return self.operator.last

    @property
    def status(self) -> AtlasTrainingStatus:
        """The status in the last plan."""
        assert self.last.status is not None
        return self.last.status

    @property
    def run(self) -> RunStatus:
        """The newest run in the last plan."""
        assert self.status.run is not None
        return self.status.run

    @property
    def jobs(self) -> list[Document]:
        """All PyTorchJobs that exist, the newest one last."""
        return self.cluster.jobs

    @property
    def config_maps(self) -> list[Document]:
        """All ConfigMaps that exist."""
        return self.cluster.config_maps

    @property
    def run_files(self) -> list[Document]:
        """All ConfigMaps with run.json that exist."""
        return [each for each in self.config_maps if RUN_KEY in each.get("data", {})]

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition in the last plan."""
        return next((each.status, each.reason) for each in self.status.conditions if each.type == kind)

    def message(self, kind: str) -> str:
        """The message of a condition in the last plan."""
        return next(each.message for each in self.status.conditions if each.type == kind)

    def pod(self, *conditions: Document, attempt: int | None = None, **fields: Any) -> Document:
        """A pod of the newest attempt, or of another, on a node. Keywords are those of `make_pod`."""
        number = attempt or self.run.attempt
        name = job_name("demo", self.run.number, number)
        job = self.cluster.store.objects.get(("PyTorchJob", name))
        role = replica_type(job).lower() if job else "master"
        pod = make_pod(*conditions, **{"job": name, "role": role, "node": "node-1", **fields})
        pod["metadata"]["labels"] |= {RUN: str(self.run.number), ATTEMPT: str(number)}
        pod["metadata"]["ownerReferences"] = [{"uid": job["metadata"]["uid"], "controller": True}] if job else []
        return pod

    # The clock and the operator

    @step
    def at(self, seconds: float) -> None:
        """The clock shows so many seconds after the beginning."""
        self.cluster.store.now = moment(seconds)

    @step
    def look(
        self, at: float | None = None, crash_after: int | None = None, apply_error: FailedPrecondition | None = None
    ) -> None:
        """The operator looks, now or so many seconds after the beginning, and may crash or be hindered."""
        if at is not None:
            self.cluster.store.now = moment(at)
        self.operator.look(crash_after, apply_error)

    def look_until_quiet(self) -> "Scenario":
        """The operator looks until the status stays the same."""
        before, after = self, self.look()
        while before.training["status"] != after.training["status"]:
            before, after = after, after.look()
        return after

    # The user

    @step
    def edit(self, /, **spec: Any) -> None:
        """The user changes parts of the spec; None removes one."""
        self.cluster.edit(**spec)

    @step
    def annotate(self, retrain_at: str) -> None:
        """The user asks for another run."""
        self.cluster.annotate(retrain_at)

    @step
    def apply_anew(self, /, **spec: Any) -> None:
        """The user deletes the training, and applies another one with its name."""
        self.cluster.delete(self.training)
        self.cluster.apply(**spec)

    @step
    def write(self, training: Document) -> None:
        """Somebody replaces the training."""
        self.cluster.write(training)

    # The API server

    @step
    def lose_status(self, left: Document | None = None) -> None:
        """The status is lost, but for what is left."""
        self.cluster.lose_status(left or {})

    @step
    def where(self, /, **properties: Any) -> None:
        """The cluster has other properties: `reward_services`, `backend_served` and others."""
        self.cluster.become(**properties)

    @step
    def put(self, *documents: Document) -> None:
        """Objects are as given, in place of those with their names."""
        for document in documents:
            self.cluster.store.put(copy.deepcopy(document))

    @step
    def without(self, kind: str, *names: str) -> None:
        """Objects of a kind are gone at once: all of them, or those with these names."""
        for found in self.cluster.store.of_kind(kind):
            if not names or found["metadata"]["name"] in names:
                self.cluster.store.delete(found)

    # Kueue, the training-operator, the kubelet and the trainer: what happens to the newest attempt

    @step
    def kueue(self, suspend: bool) -> None:
        """Kueue holds the job, or lets it in, and the training-operator takes notice."""
        self.cluster.hold(self.jobs[-1], suspend)
        self.cluster.operate(self.jobs[-1])

    @step
    def job_is(self, *conditions: Document, active: int = 0) -> None:
        """The training-operator says something else of the job."""
        statuses = {replica_type(self.jobs[-1]): {"active": active}}
        status = {"conditions": list(conditions), "replicaStatuses": statuses}
        self.cluster.store.put({**self.jobs[-1], "status": status})

    @step
    def pod_is(self, /, *conditions: Document, **fields: Any) -> None:
        """The pods are made, and one of them is as given. Keywords are those of `make_pod`."""
        self.cluster.operate(self.jobs[-1])
        self.cluster.store.put(self.pod(*conditions, **fields))

    @step
    def runs(self) -> None:
        """The pods are made, get nodes and run."""
        self.cluster.operate(self.jobs[-1])
        self.cluster.run_all()

    @step
    def reports(self, /, **report: Any) -> None:
        """The trainer reports its progress."""
        honest = {"run": self.run.number, "attempt": self.run.attempt, "phase": "Running"}
        self.cluster.report(self.run.number, json.dumps({**honest, **report}))

    @step
    def ends(self, code: int = 0, cause: str = "", message: str = "", evicted: str = "") -> None:
        """The pods end, by themselves or evicted for a reason, and the training-operator takes notice."""
        for pod in self.cluster.pods_of(self.jobs[-1]):
            if evicted:
                self.cluster.evict(pod, evicted)
            else:
                self.cluster.exit(pod, code, cause, message)
        self.cluster.operate(self.jobs[-1])

    @step
    def pods_end(self) -> None:
        """Garbage is collected, pods that were asked to end do, and the training-operator takes notice."""
        self.cluster.collect_garbage()
        for pod in self.cluster.pods:
            self.cluster.finish(pod)
        for job in self.jobs:
            self.cluster.operate(job)

    # Whole attempts, and the operator saw them

    def running(self, at: float = 10) -> "Scenario":
        """The newest attempt runs."""
        return self.at(at).runs().look()

    def trained(self, at: float = 60, **report: Any) -> "Scenario":
        """The newest attempt ends with a model. Keywords replace parts of its last report."""
        last = {**finished_report(self.run.number, self.run.attempt), **report}
        return self.at(at).runs().reports(**last).ends().look()

    def failed(self, at: float = 60) -> "Scenario":
        """The newest attempt fails, and there are no others."""
        return self.edit(limits={"retries": {"infrastructure": 0}}).at(at).runs().ends(48).look()

    def broke(self, at: float = 60) -> "Scenario":
        """The newest attempt fails for no fault of its own, and its pods are lost."""
        return self.at(at).without("Pod").job_is(make_condition("Failed", at=at)).look()
