"""
A simulated cluster (a fake) with one AtlasTraining, for tests of the operator's `plan`.

The user, the API server, the garbage collector, Kueue, the training-operator, the kubelet and the trainer are methods;
each does one small step, so that a test can have them act in any order. The operator is a class of its own:

    simulated_cluster.py   everybody but the operator
    watched_operator.py    the operator: it looks, and may crash
    plan_rules.py          what always holds, checked at every look
    coming_to_rest.py      the end of every history: the cluster behaves, and all comes to rest
    scenario.py            stories step by step: each method returns the next scenario
    history_actions.py     everything that may happen in a generated history, by name
    histories.py           generated histories of such actions, for tests and `make bench-plan`
    ../kubernetes/object_store.py   what the API server keeps, and the clock

To add something that somebody does: a small step here, an action in `history_actions`, and a method in `scenario` once
a story needs it.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from support.kubernetes.kube_objects import KUBEFLOW, timestamp
from support.kubernetes.object_store import ObjectStore, owner
from support.training.training_documents import IMAGE, training_document

from atlas_api.pods.contract import REPORT_KEY
from atlas_api.training.retrain import RETRAIN_AT
from atlas_operator.backends.pytorchjob import job_state, replicas
from atlas_operator.cluster.document import Document
from atlas_operator.objects.names import progress_name
from atlas_operator.training.observed import Observed

TERMINAL = ("Succeeded", "Failed")
GRACE = timedelta(seconds=600)
"""How long a pod may take to end."""


class SimulatedCluster:
    """Everything that exists, and everybody who acts on it but the operator."""

    def __init__(self) -> None:
        self.store = ObjectStore()
        self.reward_services: Sequence[Document] = ()
        self.backend_served = True
        self.default_image: str | None = IMAGE
        self.allow_code = False
        self.refused: str | None = None
        """Kind that the API server refuses to make."""

        self.stuck: set[str] = set()
        """Pods, by UID, that do not end when they are asked to."""

        self.edits = 0
        """How often the user changed the training."""

    @property
    def training(self) -> Document | None:
        """The training, while there is one."""
        return self.store.objects.get(("AtlasTraining", "demo"))

    @property
    def jobs(self) -> list[Document]:
        """All PyTorchJobs that exist."""
        return self.store.of_kind("PyTorchJob")

    @property
    def pods(self) -> list[Document]:
        """All pods that exist."""
        return self.store.of_kind("Pod")

    @property
    def config_maps(self) -> list[Document]:
        """All ConfigMaps that exist."""
        return self.store.of_kind("ConfigMap")

    def observed(self, training: Document) -> Observed:
        """What the operator reads."""
        return Observed(
            training=training,
            jobs=tuple(self.jobs) if self.backend_served else (),
            pods=tuple(self.pods),
            config_maps=tuple(self.config_maps),
            backend_served=self.backend_served,
            reward_services=tuple(self.reward_services),
        )

    def become(self, **properties: Any) -> None:
        """Set properties that the operator sees: `reward_services`, `backend_served` and others."""
        assert properties.keys() <= vars(self).keys()
        vars(self).update(properties)
        self.store.version += 1

    # The user

    def apply(self, **spec: Any) -> None:
        """Create a training; nothing happens where there is one."""
        if self.training is None:
            self.edits = 0
            self.store.create(training_document(**spec))

    def write(self, after: Document) -> None:
        """Replace the training; a changed spec is a new generation."""
        before = self.training
        if before and after != before:
            generation = before["metadata"]["generation"] + (after["spec"] != before["spec"])
            self.store.put({**after, "metadata": {**after["metadata"], "generation": generation}})
            self.edits += 1

    def edit(self, **spec: Any) -> None:
        """Change parts of the spec; None removes one."""
        if training := self.training:
            edited = {name: part for name, part in {**training["spec"], **spec}.items() if part is not None}
            self.write({**training, "spec": edited})

    def annotate(self, retrain_at: str) -> None:
        """Ask for another run."""
        if training := self.training:
            metadata = {**training["metadata"], "annotations": {RETRAIN_AT: retrain_at}}
            self.write({**training, "metadata": metadata})

    def lose_status(self, left: Document) -> None:
        """Wipe the status, but for what is left."""
        if training := self.training:
            self.store.put({**training, "status": left})

    # The API server and its garbage collector

    def delete(self, document: Document) -> None:
        """Delete an object as `kubectl delete` does: a pod is asked to end first."""
        if document["kind"] != "Pod" or not document["spec"].get("nodeName") or is_over(document):
            self.store.delete(document)
        elif "deletionTimestamp" not in document["metadata"]:
            document["metadata"]["deletionTimestamp"] = timestamp(self.store.now + GRACE)
            document["metadata"]["deletionGracePeriodSeconds"] = GRACE.seconds
            self.store.version += 1

    def collect_garbage(self) -> bool:
        """Delete what lost its owner. Returns whether there was any."""
        found = list(self.store.objects.values())
        uids = {None, *(each["metadata"]["uid"] for each in found)}
        orphans = [each for each in found if owner(each) not in uids and "deletionTimestamp" not in each["metadata"]]
        for orphan in orphans:
            self.delete(orphan)
        return bool(orphans)

    # Kueue

    def hold(self, job: Document, suspend: bool) -> None:
        """Take a job out of work, or let it in."""
        job["spec"]["runPolicy"]["suspend"] = suspend
        self.store.version += 1

    # The training-operator

    def operate(self, job: Document) -> bool:
        """One step of the training-operator. Returns whether it did anything."""
        before = self.store.version
        if is_ended(job):
            self._end(pod for pod in self.pods_of(job) if not is_over(pod))
        elif job["spec"]["runPolicy"].get("suspend"):
            self._end(self.pods_of(job))
            self._set_condition(job, "Running", "False")
            self._set_condition(job, "Suspended", "False" if self.pods_of(job) else "True")
        else:
            self._set_condition(job, "Created", "True")
            self._set_condition(job, "Suspended", "False")
            self._make_pods(job)
            self._judge(job)
        return self.store.version != before

    def pods_of(self, job: Document) -> list[Document]:
        """All pods of a job."""
        return [pod for pod in self.pods if owner(pod) == job["metadata"]["uid"]]

    def _end(self, pods: Iterable[Document]) -> None:
        for pod in pods:
            self.delete(pod)

    def _make_pods(self, job: Document) -> None:
        for index in range(replicas(job)):
            self.store.create(_pod(job, index))

    def _judge(self, job: Document) -> None:
        phases = [pod["status"]["phase"] for pod in self.pods_of(job)]
        active = phases.count("Running")
        statuses = {replica_type(job): {"active": active}}
        if job["status"].get("replicaStatuses") != statuses:
            job["status"]["replicaStatuses"] = statuses
            self.store.version += 1
        ended = "Failed" if "Failed" in phases else "Succeeded" if phases[:1] == ["Succeeded"] else None
        if ended:
            self._set_condition(job, "Running", "False")
            self._set_condition(job, ended, "True")
        elif active:
            self._set_condition(job, "Running", "True")

    def _set_condition(self, job: Document, kind: str, status: str) -> None:
        conditions = job.setdefault("status", {}).setdefault("conditions", [])
        found = next((each for each in conditions if each["type"] == kind), None)
        if found is None:
            conditions.append(found := {"type": kind, "status": ""})
        if found["status"] != status:
            found |= {"status": status, "lastTransitionTime": self.store.timestamp}
            self.store.version += 1

    # The scheduler and the kubelet

    def schedule(self, pod: Document) -> None:
        """Give a pod a node."""
        pod["spec"]["nodeName"] = "node-1"
        pod["status"]["conditions"] = [self._pod_condition("PodScheduled")]
        self.store.version += 1

    def start(self, pod: Document) -> None:
        """Run the containers of a pod."""
        pod["status"]["phase"] = "Running"
        self.store.version += 1

    def exit(self, pod: Document, code: int, cause: str = "", message: str = "") -> None:
        """End the container of a pod; *message* is the termination message."""
        reason = cause or ("Error" if code else "Completed")
        end = {"exitCode": code, "reason": reason, "finishedAt": self.store.timestamp, "message": message}
        pod["status"]["containerStatuses"] = [{"name": "pytorch", "state": {"terminated": end}}]
        pod["status"]["phase"] = "Failed" if code else "Succeeded"
        self.store.version += 1

    def evict(self, pod: Document, reason: str) -> None:
        """End a pod as the cluster does when it takes it away."""
        target = self._pod_condition("DisruptionTarget", reason=reason)
        pod["status"]["conditions"] = [*pod["status"].get("conditions", []), target]
        self.exit(pod, 137)

    def finish(self, pod: Document) -> bool:
        """Let a pod that was asked to end go. Returns whether it went."""
        went = "deletionTimestamp" in pod["metadata"] and pod["metadata"]["uid"] not in self.stuck
        if went:
            self.store.delete(pod)
        return went

    def run_all(self) -> None:
        """Let all pods that can run get nodes and run, and the training-operator take notice."""
        for pod in self.pods:
            if pod["status"]["phase"] == "Pending" and "deletionTimestamp" not in pod["metadata"]:
                self.schedule(pod)
                self.start(pod)
        for job in self.jobs:
            self.operate(job)

    def _pod_condition(self, kind: str, **fields: str) -> Document:
        return {"type": kind, "status": "True", "lastTransitionTime": self.store.timestamp, **fields}

    # The trainer

    def report_text(self, report: Document) -> str:
        """A report as its trainer writes it now."""
        return json.dumps({**report, "progress": {**report["progress"], "updatedAt": self.store.timestamp}})

    def report(self, run: int, text: str) -> None:
        """Write to the progress ConfigMap of a run."""
        if found := self.store.objects.get(("ConfigMap", progress_name("demo", run))):
            found["data"] = {REPORT_KEY: text}
            found["metadata"]["managedFields"] = [{"manager": "trainer", "time": self.store.timestamp}]
            self.store.version += 1


def is_over(pod: Document) -> bool:
    """Whether a pod has ended."""
    return pod["status"]["phase"] in TERMINAL


def is_ended(job: Document) -> bool:
    """Whether the training-operator is done with a job."""
    return job_state(job) in TERMINAL


def replica_type(job: Document) -> str:
    """The type of all replicas of a job: Master or Worker."""
    return str(next(iter(job["spec"]["pytorchReplicaSpecs"])))


def _pod(job: Document, index: int) -> Document:
    kind = replica_type(job)
    template = job["spec"]["pytorchReplicaSpecs"][kind]["template"]["metadata"]
    labels = {f"{KUBEFLOW}/replica-index": str(index), **({} if index else {f"{KUBEFLOW}/job-role": "master"})}
    metadata = {
        **template,
        "labels": {**template["labels"], **labels},
        "name": f"{job['metadata']['name']}-{kind.lower()}-{index}",
        "ownerReferences": [{"uid": job["metadata"]["uid"], "controller": True}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Pending"}}
