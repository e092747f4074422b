"""Vocabulary of every backend: the states of a job, and what marks a job as an attempt of a run. Pure."""

from typing import Any, Literal

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import RunStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT, PLACEMENT, RUN
from atlas_operator.objects.metadata import child_metadata
from atlas_operator.objects.names import job_name

JobState = Literal["Failed", "Succeeded", "Suspending", "Queued", "Running", "Starting", "Unseen"]
"""State of a job: in words of no backend, so that decisions hold for all of them."""

ENDED: tuple[JobState, ...] = ("Failed", "Succeeded")
"""States that a job never leaves."""

KUEUE_QUEUE = "kueue.x-k8s.io/queue-name"
"""Label by which Kueue finds the queue of a job of any kind."""


def job_metadata(training: Document, spec: AtlasTrainingSpec, run: RunStatus) -> dict[str, Any]:
    """Metadata of the job of the newest attempt of *run*, whatever its kind."""
    name = job_name(training["metadata"]["name"], run.number, run.attempt)
    metadata = child_metadata(training, name, {RUN: str(run.number), ATTEMPT: str(run.attempt)})
    metadata["annotations"][PLACEMENT] = spec.placement_hash()
    if spec.compute.queue_name:
        metadata["labels"][KUEUE_QUEUE] = spec.compute.queue_name
    return metadata
