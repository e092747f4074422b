"""The demo's agent on a cluster: a namespace with its model, its recorded sessions, its secrets, and its manifest.

The end-to-end test and `python -m cluster demo` tell the same story with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import yaml
from cluster.components.database import Database
from cluster.components.s3 import REGION, ObjectStore
from cluster.kubectl import Document, Kubectl
from cluster.real_node import mounts
from cluster.real_node.images import TRAINER
from support.kubernetes.node_pods import make_namespace

from desk.model import prepare_model
from desk.recording.traces import record_traces

NAME = "order-desk"
BUCKET = "models"
EXAMPLE = Path(__file__).parents[3] / "examples" / "cluster-grpo.yaml"

Say = Callable[[str], None]


class DeskServices(NamedTuple):
    """Database and object store outside the namespace, which several desks may share."""

    database: Database
    store: ObjectStore
    sessions: int
    """How many sessions the agent records in the database."""


@dataclass(frozen=True)
class OrderDesk:
    """The agent's namespace, in which everything that the manifest refers to exists."""

    kubectl: Kubectl
    manifest: Document
    store: ObjectStore

    def changed(self, **parts: Document) -> Document:
        """The manifest with some fields of some parts of its spec changed, as it would be in Git."""
        spec = {name: {**part, **parts.get(name, {})} for name, part in self.manifest["spec"].items()}
        return {**self.manifest, "spec": spec}


def prepare_order_desk(kubectl: Kubectl, namespace: str, folder: Path, services: DeskServices, say: Say) -> OrderDesk:
    """Make the model in *folder* and everything else that the manifest refers to."""
    database, store, sessions = services
    model = folder / "model"
    say("the model: SmolLM2-135M-Instruct, re-saved")
    prepare_model(model)
    for file in model.iterdir():
        file.chmod(0o644)  # pods run as nobody in particular
    say(f"the agent works on {sessions} tasks; its sessions go to Postgres")
    with psycopg.connect(database.url) as connection:
        record_traces(
            connection, model, "base", sessions, lambda done, total: say(f"  {done} of {total} sessions recorded")
        )
    within = make_namespace(kubectl, namespace)
    claims = mounts.torch_claims(within, namespace) + mounts.folder_claims(within, namespace, {"model": model})
    _secrets(within, database, store)
    client = store.client()
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    return OrderDesk(within, _manifest(model, claims, store), store)


def _secrets(kubectl: Kubectl, database: Database, store: ObjectStore) -> None:
    for name, content in (("atlas-db", {"url": database.url}), ("s3", store.environment())):
        kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content})


def _manifest(model: Path, claims: list[mounts.Mount], store: ObjectStore) -> Document:
    """The example for clusters, on the model that is at hand and short enough for a person to wait."""
    document: Document = yaml.safe_load(EXAMPLE.read_text())
    spec: dict[str, Any] = document["spec"]
    spec["model"] |= {"source": str(model), "maxLength": 192}  # with lora: a checkpoint takes megabytes, not gigabytes
    spec["grpo"] = {"groupSize": 4, "maxCompletionTokens": 12, "temperature": 0.8}
    spec["reward"]["truncated"] = "scored"  # at 12 tokens most answers are
    spec["evaluation"] = {"samples": 4}
    spec["optimization"] = {"maxSteps": 3, "batchSize": 8, "microBatchSize": 4, "learningRate": 2e-4}
    spec["checkpoints"]["s3"] |= {"endpoint": store.endpoint, "region": REGION}
    spec["checkpoints"]["everySteps"] = 1
    spec["compute"] = {
        "image": TRAINER,
        "workers": 1,
        "gpusPerWorker": 0,
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}},
        "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
        "volumes": claims,
    }
    return document
