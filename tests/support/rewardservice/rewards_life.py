"""
One RewardService through its life, without a cluster: the real `rewards_plan` decides, and a test is everybody else.

`RewardsLife.look` lets the plan decide and carries its decisions out, as the API server would; the other methods are
what users, the Deployment's controller, pods and judges do.
"""

import copy
import json
from typing import Any

from support.kubernetes.kube_objects import make_condition
from support.kubernetes.object_store import ObjectStore, key
from support.rewardservice.reward_services import IMAGE, reward_service
from support.training.cluster_trainings import condition

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_operator.cluster.decode import read_spec_as
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import CONFIGURATION
from atlas_operator.cluster.status_writer import wire
from atlas_operator.rewardservice.observed import ObservedRewards
from atlas_operator.rewardservice.plan import RewardsPlan, plan
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_rewards.judges.revision import revision_of

NAME = "judges"
SERVING = "judges-rewards"
"""Name of its Deployment, Service, disruption budget and account."""


class RewardsLife:
    """One service as the API server stores it. Keywords replace whole parts of its spec."""

    def __init__(self, **spec: Any) -> None:
        self.service = reward_service(NAME, **spec)
        self.service["metadata"] |= {"namespace": "agents", "uid": "uid-of-judges", "generation": 1}
        self.service["status"] = {"observedGeneration": -1}  # as the CRD's default
        self.store = ObjectStore()
        self.image: str | None = IMAGE
        self.allow_code = False
        self.registry = ""
        """Admission puts it before the image of pods."""

        self.pods: list[Document] = []
        self.events: list[Document] = []

    @property
    def status(self) -> Document:
        """The status as it is stored."""
        found: Document = self.service["status"]
        return found

    def statuses(self) -> dict[str, str]:
        """Statuses of the conditions, by type."""
        return {each["type"]: each["status"] for each in self.status["conditions"]}

    def ready(self) -> tuple[str, str]:
        """Reason and message of the condition Ready."""
        told = condition(self.service, "Ready")
        return told["reason"], told["message"]

    @property
    def children(self) -> dict[tuple[str, str], Document]:
        """All children, by kind and name."""
        return self.store.objects

    def child(self, kind: str, name: str = SERVING) -> Document:
        """A child that was made."""
        return self.children[kind, name]

    def look(self, apply_error: FailedPrecondition | None = None) -> RewardsPlan:
        """One look of the operator: children come and go, its status is stored."""
        observed = ObservedRewards(
            service=self.service,
            deployments=tuple(self.store.of_kind("Deployment")),
            services=tuple(self.store.of_kind("Service")),
            budgets=tuple(self.store.of_kind("PodDisruptionBudget")),
            pods=tuple(self.pods),
            config_maps=tuple(self.store.of_kind("ConfigMap")),
            events=tuple(self.events),
        )
        decided = plan(copy.deepcopy(observed), self.image, self.store.now, apply_error, self.allow_code)
        for document in decided.create:
            self.store.create(document)
        for document in decided.apply:
            self._apply(document)
        for document in decided.merge:
            self._merge(document)
        for document in decided.delete:
            del self.children[key(document)]
        if decided.status:
            self.service["status"] = wire(decided.status)
        return decided

    def settle(self) -> "RewardsLife":
        """Look until nothing changes."""
        before = None
        while before != self.status:
            before = self.status
            self.look()
        return self

    def edit(self, **spec: Any) -> "RewardsLife":
        """Somebody changes parts of the spec; nobody has looked at it yet."""
        self.service["spec"] = {**self.service["spec"], **spec}
        self.service["metadata"]["generation"] += 1
        return self

    def has_pods(self, *pods: Document) -> "RewardsLife":
        """Give the Deployment pods of its newest kind beside its old ones; its controller counts all of them."""
        deployment = self.child("Deployment")
        wanted = deployment["spec"]["template"]["metadata"]["annotations"]
        for pod in pods:
            pod["metadata"]["annotations"] = wanted
        newest = [pod for pod in self.pods if _digest(pod) == wanted[CONFIGURATION]]
        self.pods = [pod for pod in self.pods if pod not in newest] + list(pods)
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(self.pods),
            "updatedReplicas": len(pods),
            "readyReplicas": sum(bool(pod["status"]["conditions"]) for pod in self.pods),
        }
        return self

    def old_pods_go(self) -> "RewardsLife":
        """The controller has replaced them."""
        newest = [pod for pod in self.pods if _digest(pod) == digest(self)]
        self.pods = []
        return self.has_pods(*newest)

    def deployment_is(self, kind: str, status: str, reason: str, message: str = "") -> "RewardsLife":
        """The controller says of the Deployment."""
        told = [make_condition(kind, status, reason=reason, message=message)]
        self.child("Deployment").setdefault("status", {})["conditions"] = told
        return self

    def says(self, said: Document | str, pod: str = "") -> "RewardsLife":
        """A pod reports: the first one unless *pod* names another."""
        reported = self.child("ConfigMap", f"{NAME}-judges").setdefault("data", {})
        reported[pod or self.pods[0]["metadata"]["name"]] = said if isinstance(said, str) else json.dumps(said)
        return self

    def answers(self) -> "RewardsLife":
        """All pods that are wanted answer, and no others are left."""
        self.settle()
        names = [f"{NAME}-{number}" for number in range(self.child("Deployment")["spec"]["replicas"])]
        self.pods = []
        return self.has_pods(*map(answering, names)).settle()

    def _merge(self, document: Document) -> None:
        found = self.children[key(document)]
        assert document["metadata"]["uid"] == found["metadata"]["uid"]
        for part in document.keys() & {"data", "binaryData"}:
            kept = {name: value for name, value in found[part].items() if name not in (document[part] or found[part])}
            found[part] = kept

    def _apply(self, document: Document) -> None:
        admitted = self._admitted(copy.deepcopy(document))
        self.store.create({**admitted, "metadata": {**admitted["metadata"], "generation": 1}})
        before = self.children[key(document)]
        generation = before["metadata"]["generation"] + (admitted["spec"] != before["spec"])
        metadata = {**admitted["metadata"], "uid": before["metadata"]["uid"], "generation": generation}
        self.store.put({**before, **admitted, "metadata": metadata})

    def _admitted(self, document: Document) -> Document:
        if document["kind"] == "Deployment":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            container["image"] = self.registry + container["image"]
        return document


def digest(life: RewardsLife) -> str:
    """Which configuration new pods read."""
    return _digest(life.child("Deployment")["spec"]["template"])


def revision(life: RewardsLife) -> str:
    """What the operator reckons that pods score with."""
    spec = read_spec_as(RewardServiceSpec, life.service).spec
    assert spec is not None
    return revision_of(spec)


def answering(name: str) -> Document:
    """A pod whose probe succeeds."""
    return _pod(name, "Running", [make_condition("Ready")])


def silent(name: str) -> Document:
    """A pod that runs and whose probe fails."""
    return _pod(name, "Running", [])


def starting(name: str, *containers: Document) -> Document:
    """A pod on a node whose containers are in these states."""
    pod = _pod(name, "Pending", [])
    pod["status"]["containerStatuses"] = list(containers)
    return pod


def _pod(name: str, phase: str, conditions: list[Document]) -> Document:
    metadata = {"name": name, "namespace": "agents", "uid": f"uid-of-{name}"}
    status: Document = {"phase": phase, "conditions": conditions}
    return {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node-1"}, "status": status}


def _digest(pod: Document) -> str:
    return str(pod["metadata"]["annotations"][CONFIGURATION])
