"""
A fake: one AtlasTraining in a simulated cluster, for tests of `plan` over whole histories.

The API server, the garbage collector, Kueue, the training-operator, the kubelet and the trainer are methods; each does
one small step, so that a driver can have them act in any order. `world_user` adds the user, `world_operator` the
operator. Reads are never stale.
"""

import json
from datetime import timedelta
from typing import Any

from support.kubernetes.kube_objects import BEGIN, KUBEFLOW
from support.training.plans import IMAGE, SHA256, judges_document
from support.training.world_objects import is_ended, is_over, owner, set_condition

from atlas_operator.backends.pytorchjob import replicas
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT, RUN
from atlas_operator.training.observed import Observed


class World:
    """Everything that exists, and the clock."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.training: Document | None = None
        self.jobs: dict[str, Document] = {}
        self.pods: dict[str, Document] = {}
        self.config_maps: dict[str, Document] = {}
        self.others: dict[str, Document] = {}
        self.reward_services: tuple[Document, ...] = ()
        self.backend_served = True
        self.default_image: str | None = IMAGE
        self.refused: str | None = None
        """Kind that the API server refuses to make."""

        self.stuck: set[str] = set()
        """Pods, by UID, that do not end when they are asked to."""

        self.changed = True
        """Whether something changed that the operator watches, since it looked last."""

        self._uids = 0

    # The API server

    @property
    def stamp(self) -> str:
        """Now, as Kubernetes writes it."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def new_uid(self) -> str:
        """One that nothing ever had."""
        self._uids += 1
        return f"uid-{self._uids}"

    def observed(self, training: Document) -> Observed:
        """What the operator reads."""
        return Observed(
            training=training,
            jobs=tuple(self.jobs.values()) if self.backend_served else (),
            pods=tuple(self.pods.values()),
            config_maps=tuple(self.config_maps.values()),
            backend_served=self.backend_served,
            reward_services=self.reward_services,
        )

    def shelf(self, kind: str) -> dict[str, Document]:
        """Where objects of a kind are, by name."""
        return {"PyTorchJob": self.jobs, "ConfigMap": self.config_maps, "Pod": self.pods}.get(kind, self.others)

    def key(self, document: Document) -> str:
        """Name of an object on its shelf."""
        name, kind = str(document["metadata"]["name"]), document["kind"]
        return f"{kind}/{name}" if self.shelf(kind) is self.others else name

    def store(self, document: Document) -> None:
        """Make an object; nothing happens when there is one of that name."""
        shelf, key = self.shelf(document["kind"]), self.key(document)
        if key not in shelf:
            metadata = {**document["metadata"], "uid": self.new_uid(), "creationTimestamp": self.stamp}
            shelf[key] = {**document, "metadata": metadata}
            self.changed = True

    def remove(self, document: Document) -> None:
        """Delete an object as `kubectl delete` does: a pod is asked to end first. Without a UID only its owner's."""
        if document["kind"] == "Pod":
            self._ask_to_end(document)
            return
        shelf, key = self.shelf(document["kind"]), self.key(document)
        found = shelf.get(key)
        if found and ("uid" in document["metadata"] or owner(found) == owner(document)):
            del shelf[key]
            self.changed = True

    def _ask_to_end(self, pod: Document) -> None:
        if not pod["spec"].get("nodeName") or is_over(pod):
            self._drop(pod)
        elif "deletionTimestamp" not in pod["metadata"]:
            until = self.now + timedelta(seconds=600)
            pod["metadata"]["deletionTimestamp"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
            pod["metadata"]["deletionGracePeriodSeconds"] = 600
            self.changed = True

    def _drop(self, pod: Document) -> None:
        del self.pods[pod["metadata"]["name"]]
        self.changed = True

    def collect_garbage(self) -> bool:
        """Remove what lost its owner. Returns whether there was any."""
        uids = {found["metadata"]["uid"] for found in self.jobs.values()}
        uids |= {self.training["metadata"]["uid"]} if self.training else set()
        shelves = (self.jobs, self.config_maps, self.others, self.pods)
        orphans = [found for shelf in shelves for found in list(shelf.values()) if owner(found) not in uids]
        orphans = [found for found in orphans if "deletionTimestamp" not in found["metadata"]]
        for orphan in orphans:
            self.remove(orphan)
        return bool(orphans)

    # Kueue

    def hold(self, job: Document, suspend: bool) -> None:
        """Take a job out of work, or let it in."""
        job["spec"]["runPolicy"] = {**job["spec"]["runPolicy"], "suspend": suspend}
        self.changed = True

    # The training-operator

    def operate(self, job: Document) -> bool:
        """One step of the training-operator. Returns whether it did anything."""
        before = json.dumps(job.get("status")), len(self.pods), self.changed
        self.changed = False
        pods = self.pods_of(job)
        if is_ended(job) or job["spec"]["runPolicy"].get("suspend"):
            for pod in pods:
                if not is_ended(job) or not is_over(pod):
                    self._ask_to_end(pod)
            if not is_ended(job):
                set_condition(job, "Running", "False", self.stamp)
                set_condition(job, "Suspended", "False" if self.pods_of(job) else "True", self.stamp)
        else:
            set_condition(job, "Created", "True", self.stamp)
            set_condition(job, "Suspended", "False", self.stamp)
            self._make_pods(job)
            self._judge(job, self.pods_of(job))
        did = self.changed or before[:2] != (json.dumps(job.get("status")), len(self.pods))
        self.changed = did or before[2]
        return did

    def _make_pods(self, job: Document) -> None:
        role, spec = next(iter(job["spec"]["pytorchReplicaSpecs"].items()))
        for index in range(replicas(job)):
            name = f"{job['metadata']['name']}-{role.lower()}-{index}"
            if name not in self.pods:
                self.pods[name] = self._pod(job, name, index, spec["template"])
                self.changed = True

    def _pod(self, job: Document, name: str, index: int, template: Document) -> Document:
        labels = {f"{KUBEFLOW}/replica-index": str(index), **({f"{KUBEFLOW}/job-role": "master"} if not index else {})}
        metadata = {
            **template["metadata"],
            "labels": {**template["metadata"]["labels"], **labels},
            "name": name,
            "uid": self.new_uid(),
            "creationTimestamp": self.stamp,
            "ownerReferences": [{"uid": job["metadata"]["uid"], "controller": True}],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {}, "status": {"phase": "Pending"}}

    def _judge(self, job: Document, pods: list[Document]) -> None:
        phases = [pod["status"]["phase"] for pod in pods]
        active = sum(phase == "Running" for phase in phases)
        role = next(iter(job["spec"]["pytorchReplicaSpecs"]))
        job["status"]["replicaStatuses"] = {role: {"active": active}}
        if "Failed" in phases:
            set_condition(job, "Running", "False", self.stamp)
            set_condition(job, "Failed", "True", self.stamp)
        elif phases and phases[0] == "Succeeded":
            set_condition(job, "Running", "False", self.stamp)
            set_condition(job, "Succeeded", "True", self.stamp)
        elif active:
            set_condition(job, "Running", "True", self.stamp)

    def pods_of(self, job: Document) -> list[Document]:
        """Pods of a job that exist."""
        return [pod for pod in self.pods.values() if owner(pod) == job["metadata"]["uid"]]

    # The scheduler and the kubelet

    def schedule(self, pod: Document) -> None:
        """Give a pod a node."""
        pod["spec"]["nodeName"] = "node-1"
        condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": self.stamp}
        pod["status"]["conditions"] = [condition]
        self.changed = True

    def start(self, pod: Document) -> None:
        """Its containers run."""
        pod["status"]["phase"] = "Running"
        self.changed = True

    def exit(self, pod: Document, code: int, cause: str = "Error", said: str = "") -> None:
        """Its container ends; *said* is the termination message."""
        end = {"exitCode": code, "reason": cause, "finishedAt": self.stamp, "message": said}
        pod["status"]["containerStatuses"] = [{"name": "pytorch", "state": {"terminated": end}}]
        pod["status"]["phase"] = "Failed" if code else "Succeeded"
        self.changed = True

    def evict(self, pod: Document, reason: str) -> None:
        """The cluster ends the pod."""
        target = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": self.stamp, "reason": reason}
        pod["status"]["conditions"] = [*pod["status"].get("conditions", []), target]
        self.exit(pod, 137)

    def finish(self, pod: Document) -> bool:
        """Let a pod that was asked to end go. Returns whether it went."""
        if "deletionTimestamp" not in pod["metadata"] or pod["metadata"]["uid"] in self.stuck:
            return False
        self._drop(pod)
        return True

    # The trainer

    def report(self, pod: Document, text: str) -> None:
        """The trainer of a pod writes to the progress ConfigMap of its run."""
        found = self.config_maps.get(f"demo-{pod['metadata']['labels'][RUN]}-progress")
        if found:
            found["data"] = {"report": text}
            found["metadata"]["managedFields"] = [{"manager": "trainer", "time": self.stamp}]
            self.changed = True

    def honest(self, pod: Document, phase: str, step: int = 1) -> str:
        """What an honest trainer says."""
        run, attempt = (int(pod["metadata"]["labels"][label]) for label in (RUN, ATTEMPT))
        progress = {"step": step, "maxSteps": 4, "percent": 25 * step, "updatedAt": self.stamp}
        said: dict[str, Any] = {"run": run, "attempt": attempt, "phase": phase, "progress": progress}
        said["metrics"] = {"reward": 0.5, "loss": 0.25}
        if phase == "Succeeded":
            uri = f"s3://models/atlas/agents/demo/run-{run:04d}/final"
            said["model"] = {"uri": uri, "run": run, "sha256": SHA256}
        return json.dumps(said)

    # All of them, behaving

    def work(self) -> bool:
        """One step of a cluster in which everything goes well. Returns whether there was anything to do."""
        collected, operated = self.collect_garbage(), [self.operate(job) for job in list(self.jobs.values())]
        return collected or any(operated) or any(self._work_on(pod) for pod in list(self.pods.values()))

    def _work_on(self, pod: Document) -> bool:
        if self.finish(pod):
            return True
        if is_over(pod) or "deletionTimestamp" in pod["metadata"]:
            return False
        if not pod["spec"].get("nodeName"):
            self.schedule(pod)
        elif pod["status"]["phase"] == "Pending":
            self.start(pod)
        elif not self._peers_run(pod):
            return False
        else:
            self.report(pod, self.honest(pod, "Succeeded", step=4))
            self.exit(pod, 0, "Completed", self.honest(pod, "Succeeded", step=4))
        return True

    def _peers_run(self, pod: Document) -> bool:
        peers = [other for other in self.pods.values() if owner(other) == owner(pod)]
        return all(other["status"]["phase"] != "Pending" for other in peers)

    def mend(self) -> None:
        """Everything that hindered is over."""
        self.stuck.clear()
        self.refused, self.backend_served, self.default_image = None, True, IMAGE
        self.reward_services = (judges_document("True"),)
        for job in self.jobs.values():
            if job["spec"]["runPolicy"].get("suspend"):
                self.hold(job, False)
        self.changed = True
