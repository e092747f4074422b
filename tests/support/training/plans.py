"""Small factories for tests of `plan`: a training document, what is observed of it, and the API server's part."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from support.kubernetes.kube_objects import BEGIN, after, make_condition, make_pod

from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.cluster.document import Document
from atlas_operator.training.observed import Observed
from atlas_operator.training.plan import Plan, plan

IMAGE = "example.test/trainer:1"
SHA256 = "ab" * 32
REVISION = "0123456789abcdef"


def spec_document(**spec: Any) -> Document:
    """A spec as the API server keeps it. Keywords replace whole parts."""
    return {
        "model": {"source": "example/model"},
        "traces": {"postgres": {"urlFrom": {"secretKeyRef": {"name": "traces", "key": "url"}}}},
        "grpo": {"groupSize": 4},
        "reward": {"verifiers": [{"name": "answer", "numeric": {}}]},
        "optimization": {"maxSteps": 4, "batchSize": 8},
        "checkpoints": {"s3": {"uri": "s3://models/atlas", "credentialsFrom": {"secretRef": {"name": "s3"}}}},
        **spec,
    }


def training_document(name: str = "demo", uid: str = "uid-of-demo", retrain_at: str = "", **spec: Any) -> Document:
    """An AtlasTraining without a status, as the API server returns it."""
    annotations = {"annotations": {"atlas.arc.computer/retrain-at": retrain_at}} if retrain_at else {}
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "AtlasTraining",
        "metadata": {"name": name, "namespace": "agents", "uid": uid, "generation": 1, **annotations},
        "spec": spec_document(**spec),
    }


def judges_document(ready: str = "True", message: str = "", name: str = "judges", **status: Any) -> Document:
    """A RewardService whose condition Ready is *ready*. Keywords go into its status."""
    answers = {"url": "http://judges.agents.svc:8080", "revision": REVISION}
    told = [make_condition("Ready", ready, message=message)]
    return {
        "kind": "RewardService",
        "metadata": {"name": name, "namespace": "agents", "generation": 2},
        "status": {"observedGeneration": 2, "conditions": told, **answers, **status},
    }


def wire(status: AtlasTrainingStatus) -> Document:
    """A status as it is written."""
    document: Document = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return document


@dataclass(frozen=True)
class Scene:
    """What is observed at a moment, and what the last plan said. Each method is the next scene."""

    observed: Observed
    seconds: float = 0
    last: Plan = Plan(status=None)  # noqa: RUF009 - frozen
    default_image: str | None = IMAGE

    @property
    def now(self) -> datetime:
        """The moment."""
        return BEGIN + timedelta(seconds=self.seconds)

    @property
    def status(self) -> AtlasTrainingStatus:
        """What the last plan wants to be written."""
        assert self.last.status is not None
        return self.last.status

    @property
    def run(self) -> RunStatus:
        """The newest run in it."""
        assert self.status.run is not None
        return self.status.run

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition in it."""
        return next((each.status, each.reason) for each in self.status.conditions if each.type == kind)

    def told(self, kind: str) -> str:
        """The message of a condition in it."""
        return next(each.message for each in self.status.conditions if each.type == kind)

    def look(self, seconds: float | None = None) -> "Scene":
        """Plan, then play the API server: the status is written, what is to be made exists, what is to go is gone."""
        now = replace(self, seconds=self.seconds if seconds is None else seconds)
        planned = plan(now.observed, self.default_image, now.now)
        return replace(now, observed=played(now.observed, planned), last=planned)

    def look_until_quiet(self) -> "Scene":
        """Look until the status stays the same."""
        scene = self.look()
        while scene.status != (following := scene.look()).status:
            scene = following
        return following

    def edit(self, **spec: Any) -> "Scene":
        """The user changes parts of the spec; None removes one."""
        training = self.observed.training
        document = {key: value for key, value in {**training["spec"], **spec}.items() if value is not None}
        metadata = {**training["metadata"], "generation": training["metadata"]["generation"] + 1}
        return self.see(training={**training, "metadata": metadata, "spec": document})

    def annotate(self, retrain_at: str) -> "Scene":
        """The user asks for another run."""
        training = self.observed.training
        annotations = {"atlas.arc.computer/retrain-at": retrain_at}
        return self.see(training={**training, "metadata": {**training["metadata"], "annotations": annotations}})

    def see(self, **observed: Any) -> "Scene":
        """Parts of what is observed are others now."""
        return replace(self, observed=replace(self.observed, **observed))

    def without_status(self) -> "Scene":
        """The status is lost."""
        return self.see(training={**self.observed.training, "status": {}})


def scene(name: str = "demo", retrain_at: str = "", **spec: Any) -> Scene:
    """A training that was just applied."""
    return Scene(Observed(training_document(name, retrain_at=retrain_at, **spec)))


def names(documents: Iterable[Document]) -> list[tuple[str, str]]:
    """Kind and name of each."""
    return [(document["kind"], document["metadata"]["name"]) for document in documents]


def with_job(before: Scene, *conditions: Document, active: int = 0, **spec: Any) -> Scene:
    """The newest job says something else. Keywords set parts of its runPolicy."""
    *others, job = before.observed.jobs
    kind = next(iter(job["spec"]["pytorchReplicaSpecs"]))
    status = {"conditions": list(conditions), "replicaStatuses": {kind: {"active": active}}}
    policy = {**job["spec"]["runPolicy"], **spec}
    return before.see(jobs=(*others, {**job, "status": status, "spec": {**job["spec"], "runPolicy": policy}}))


def running(before: Scene, at: float = 10) -> Scene:
    """The newest job runs, and the operator saw it."""
    return with_job(before, make_condition("Running", at=at), active=1).look(at)


def pod_of(before: Scene, phase: str = "Running", attempt: int | None = None, **fields: Any) -> Document:
    """The pod of the newest attempt, or of another."""
    number = attempt or before.run.attempt
    pod = make_pod(job=f"demo-{before.run.number}-{number}", role="master", phase=phase, node="node-1", **fields)
    labels = {"atlas.arc.computer/run": str(before.run.number), "atlas.arc.computer/attempt": str(number)}
    pod["metadata"]["labels"] |= labels
    return pod


def reported(before: Scene, at: float | None = None, **said: Any) -> Scene:
    """The trainer of the newest attempt wrote to its ConfigMap."""
    text = json.dumps({"run": before.run.number, "attempt": before.run.attempt, "phase": "Running", **said})
    name = f"demo-{before.run.number}-progress"
    written = {"managedFields": [{"time": after(before.seconds if at is None else at)}]}
    maps = (
        {**found, "data": {"report": text}, "metadata": {**found["metadata"], **written}}
        if found["metadata"]["name"] == name
        else found
        for found in before.observed.config_maps
    )
    return before.see(config_maps=tuple(maps))


def trained(before: Scene, at: float = 60) -> Scene:
    """The run succeeded, and the operator saw it."""
    model = {"uri": "s3://models/final", "run": before.run.number, "sha256": SHA256}
    said = reported(before, at, phase="Succeeded", model=model)
    return with_job(said, make_condition("Succeeded", at=at)).look(at)


def failed(before: Scene, at: float = 60) -> Scene:
    """The run failed for good, and the operator saw it."""
    limits = {"retries": {"infrastructure": 0}}
    return with_job(before.edit(limits=limits), make_condition("Failed", at=at)).look(at)


def broke(before: Scene, at: float = 60) -> Scene:
    """The newest attempt failed for no fault of its own, and the operator saw it."""
    return with_job(before, make_condition("Failed", at=at)).look(at)


def played(observed: Observed, planned: Plan) -> Observed:
    """What is observed once the API server has carried *planned* out, and nobody else did anything."""
    if planned.status is None:
        return observed
    gone = {(found["kind"], found["metadata"]["name"]) for found in planned.delete}
    return replace(
        observed,
        training={**observed.training, "status": wire(planned.status)},
        jobs=_with(observed.jobs, planned, "PyTorchJob", gone),
        config_maps=_with(observed.config_maps, planned, "ConfigMap", gone),
    )


def _with(there: tuple[Document, ...], planned: Plan, kind: str, gone: set[tuple[str, str]]) -> tuple[Document, ...]:
    named = {found["metadata"]["name"]: found for found in there}
    for made in planned.create:
        if made["kind"] == kind:
            named.setdefault(made["metadata"]["name"], _stored(made))
    return tuple(found for name, found in named.items() if (kind, name) not in gone)


def _stored(made: Document) -> Document:
    uid = f"uid-of-{made['metadata']['name']}"
    stamp = BEGIN.isoformat().replace("+00:00", "Z")
    return {**made, "metadata": {**made["metadata"], "uid": uid, "creationTimestamp": stamp}}
