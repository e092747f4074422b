"""The objects that a run consists of: pure builders.

Called by `plan`. Each run has a ConfigMap with run.json, a ConfigMap for progress, and a ServiceAccount that may patch
that one ConfigMap and nothing else; each attempt has a PyTorchJob, whose pods `pods` describes.
"""

from typing import Any

from atlas_api import AtlasTrainingSpec, TrainingRun
from atlas_api.training.status import RunStatus
from atlas_operator.cluster.observed import Document
from atlas_operator.objects.labels import (
    ATTEMPT,
    PLACEMENT,
    RUN,
    job_name,
    progress_name,
    run_name,
)
from atlas_operator.objects.metadata import account, child, owned
from atlas_operator.objects.training_pod import pod_template

RUN_KEY = "run.json"
KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
RENDEZVOUS_SECONDS = 900
"""Images are pulled minutes apart."""


def attempt_children(
    training: Document, spec: AtlasTrainingSpec, image: str, run: RunStatus, allow_code: bool = False
) -> tuple[Document, ...]:
    """Everything that the newest attempt of *run* needs, its job last."""
    return (*recipe_children(training, spec, run), job(training, spec, image, run, allow_code))


def recipe_children(training: Document, spec: AtlasTrainingSpec, run: RunStatus) -> tuple[Document, ...]:
    """Everything of *run* but its jobs: from then on the run keeps its recipe."""
    metadata = training["metadata"]
    told = TrainingRun(
        name=metadata["name"],
        namespace=metadata["namespace"],
        number=run.number,
        attempt=1,
        started_at=run.started_at,
        spec=spec,
    )
    return run_children(training, told)


def run_children(training: Document, run: TrainingRun) -> tuple[Document, ...]:
    """Everything of a run but its jobs. The ConfigMap with run.json comes first."""
    name, progress = run_name(run.name, run.number), progress_name(run.name, run.number)
    labels = {RUN: str(run.number)}
    document = run.model_dump_json(by_alias=True, exclude_none=True, indent=2)
    return (
        child(training, "v1", "ConfigMap", name, labels, immutable=True, data={RUN_KEY: document}),
        progress_map(training, run.number),
        *account(training, name, progress, labels),
    )


def progress_map(training: Document, run: int) -> Document:
    """The ConfigMap that the run reports to."""
    name = progress_name(training["metadata"]["name"], run)
    return child(training, "v1", "ConfigMap", name, {RUN: str(run)})


def job(training: Document, spec: AtlasTrainingSpec, image: str, run: RunStatus, allow_code: bool) -> Document:
    """The PyTorchJob of one attempt: one Master, or several Workers that find each other by c10d."""
    name = training["metadata"]["name"]
    replica = {"restartPolicy": "Never", "template": pod_template(training, spec, image, run, allow_code)}
    workers = spec.compute.workers
    metadata = owned(
        training, job_name(name, run.number, run.attempt), {RUN: str(run.number), ATTEMPT: str(run.attempt)}
    )
    metadata["annotations"][PLACEMENT] = spec.placement_hash()
    if spec.compute.queue_name:
        metadata["labels"][KUEUE_QUEUE] = spec.compute.queue_name
    # Without a backoffLimit: at its limit the training-operator removes failed pods too, with their log and exit code.
    body: dict[str, Any] = {"runPolicy": {"cleanPodPolicy": "Running"}}
    if workers == 1:
        body |= {"nprocPerNode": "1", "pytorchReplicaSpecs": {"Master": {"replicas": 1, **replica}}}
    else:
        body |= {
            "elasticPolicy": _elastic(workers),
            "pytorchReplicaSpecs": {"Worker": {"replicas": workers, **replica}},
        }
    return {"apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": metadata, "spec": body}


def _elastic(workers: int) -> dict[str, Any]:
    waits = [{"key": key, "value": str(RENDEZVOUS_SECONDS)} for key in ("join_timeout", "read_timeout")]
    return {
        "minReplicas": workers,
        "maxReplicas": workers,
        "maxRestarts": 0,
        "rdzvBackend": "c10d",
        "rdzvConf": waits,
    }
