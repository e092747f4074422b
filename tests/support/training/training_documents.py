"""An AtlasTraining, and a RewardService that one may name, as the API server returns them; what others are called."""

from collections.abc import Iterable
from typing import Any

from support.kubernetes.kube_objects import make_condition

from atlas_operator.cluster.document import Document

IMAGE = "example.test/trainer:1"
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


def training_document(name: str = "demo", uid: str = "uid-of-demo", **spec: Any) -> Document:
    """An AtlasTraining that no operator has looked at."""
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "AtlasTraining",
        "metadata": {"name": name, "namespace": "agents", "uid": uid, "generation": 1},
        "spec": spec_document(**spec),
        "status": {"observedGeneration": -1},  # as the CRD's default
    }


def judges_document(ready: str = "True", message: str = "", name: str = "judges", **status: Any) -> Document:
    """A RewardService whose condition Ready is *ready*. Keywords go into its status."""
    answers = {"url": "http://judges-rewards.agents.svc:8080", "revision": REVISION}
    conditions = [make_condition("Ready", ready, message=message)]
    return {
        "kind": "RewardService",
        "metadata": {"name": name, "namespace": "agents", "generation": 2},
        "status": {"observedGeneration": 2, "conditions": conditions, **answers, **status},
    }


def names(documents: Iterable[Document]) -> list[tuple[str, str]]:
    """Kind and name of each."""
    return [(document["kind"], document["metadata"]["name"]) for document in documents]
