"""
One AtlasTraining through its life, without a cluster: the real `plan` decides, and a test is everybody else.

`Life.look` lets the plan decide and carries its decisions out; the other methods are what users, the training-operator,
pods and the trainer do.
"""

import json
from typing import Any

from support.kubernetes.kube_objects import BEGIN, ended_pod, make_condition, make_pod
from support.training.cluster_trainings import cluster_training, finished_report

from atlas_api.pods.contract import REPORT_KEY
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT, RUN
from atlas_operator.objects.names import progress_name
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_operator.training.observed import Observed
from atlas_operator.training.plan import Plan, plan

IMAGE = "example.test/trainer:1"


class Life:
    """One training as the API server stores it. Keywords replace whole parts of its spec."""

    def __init__(self, **spec: Any) -> None:
        self.training = cluster_training("demo", **spec)
        self.training["metadata"] |= {"namespace": "agents", "uid": "uid-of-demo", "generation": 1}
        self.training["status"] = {"observedGeneration": -1}  # as the CRD's default
        self.now = BEGIN
        self.image: str | None = IMAGE
        self.allow_code = False
        self.backend_served = True
        self.reward_services: list[Document] = []
        self.jobs: list[Document] = []
        self.pods: list[Document] = []
        self.config_maps: list[Document] = []

    @property
    def run(self) -> Document:
        """`status.run`."""
        found: Document = self.training["status"]["run"]
        return found

    def look(self, hindrance: FailedPrecondition | None = None) -> Plan:
        """One look of the operator: its status is stored, children come and go. Deleted jobs take their pods along."""
        observed = Observed(
            training=self.training,
            jobs=tuple(self.jobs),
            pods=tuple(self.pods),
            config_maps=tuple(self.config_maps),
            backend_served=self.backend_served,
            reward_services=tuple(self.reward_services),
        )
        decided = plan(observed, self.image, self.now, hindrance, self.allow_code)
        if decided.status:
            stored = decided.status.model_dump(mode="json", by_alias=True, exclude_none=True)
            self.training["status"] = stored
        gone = {(each["kind"], each["metadata"]["name"]) for each in decided.delete}
        self.jobs = [job for job in self.jobs if ("PyTorchJob", job["metadata"]["name"]) not in gone]
        self.pods = [pod for pod in self.pods if any(_place(pod) == _place(job) for job in self.jobs)]
        for child in decided.create:
            child["metadata"]["uid"] = f"uid-of-{child['metadata']['name']}"
        self.jobs += [child for child in decided.create if child["kind"] == "PyTorchJob"]
        self.config_maps += [child for child in decided.create if child["kind"] == "ConfigMap"]
        return decided

    def settle(self) -> "Life":
        """Look until nothing changes."""
        before = None
        while before != self.training["status"]:
            before = self.training["status"]
            self.look()
        return self

    def edit(self, **spec: Any) -> "Life":
        """Somebody changes parts of the spec; nobody has looked at it yet."""
        self.training["spec"] = {**self.training["spec"], **spec}
        self.training["metadata"]["generation"] += 1
        return self

    def job_is(self, *conditions: str, active: int = 0, **policy: Any) -> "Life":
        """The training-operator says of the newest job; keywords go into its run policy."""
        job = self.jobs[-1]
        job["spec"]["runPolicy"] |= policy
        statuses = {"Master": {"active": active}}
        job["status"] = {"conditions": [make_condition(kind) for kind in conditions], "replicaStatuses": statuses}
        return self

    def pod_is(self, pod: Document) -> "Life":
        """The newest job has this one pod."""
        pod["metadata"]["labels"] |= {RUN: str(self.run["number"]), ATTEMPT: str(self.run["attempt"])}
        self.pods = [pod]
        return self

    def says(self, said: Document) -> "Life":
        """The trainer reports."""
        name = progress_name("demo", said["run"])
        found = next(each for each in self.config_maps if each["metadata"]["name"] == name)
        found["data"] = {REPORT_KEY: json.dumps(said)}
        return self

    def trains(self) -> "Life":
        """The newest attempt runs."""
        self.pod_is(make_pod(phase="Running", node="node-1"))
        return self.job_is("Created", "Running", active=1).settle()

    def ends(self, code: int, **pod: Any) -> "Life":
        """The pod of the newest attempt ends, and its job with it."""
        if code == 0:
            self.says(finished_report(self.run["number"], self.run["attempt"]))
        self.pod_is(ended_pod(code, **pod))
        return self.job_is("Created", "Failed" if code else "Succeeded").settle()


def _place(child: Document) -> tuple[str, str]:
    labels = child["metadata"]["labels"]
    return labels[RUN], labels[ATTEMPT]
