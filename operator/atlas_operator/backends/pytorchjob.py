"""
The backend PyTorchJob: how the job of an attempt is built, and what the training-operator says of it. Pure.

The training-operator makes one pod for each replica, which it labels with role and index, and a headless service for
each pod, by which the workers find each other. Nothing else in the operator knows any of this.
"""

from datetime import datetime
from typing import Any

from atlas_api import AtlasTrainingSpec
from atlas_api.pods import contract
from atlas_api.training.compute import Compute
from atlas_api.training.status import AtlasTrainingStatus, RunStatus
from atlas_operator.backends.base import JobState, job_metadata
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, get_path, integer, is_true, items, mapping, timestamp
from atlas_operator.cluster.kinds import KINDS
from atlas_operator.objects.join_secret import join_variable
from atlas_operator.objects.names import job_name
from atlas_operator.objects.training_pod import pod_template

KIND = "PyTorchJob"
"""Kind of the jobs, as people read it."""

CONTROLLER = "training-operator"
"""Program that makes pods of the jobs, as people read it."""

INSTALL = "install the Kubeflow training-operator 1.9"
"""Cure where the API server does not know the kind."""

RESUME = "set its spec.runPolicy.suspend to false"
"""Cure where a job is suspended and nobody resumes it."""

WAITING = "WaitingForTrainingOperator"
"""Reason of a job that `CONTROLLER` has not looked at."""

CONTAINER = "pytorch"
"""Name of the trainer's container: the training-operator takes no other."""

RENDEZVOUS_SECONDS = 900
"""Seconds for which workers wait for each other: images are pulled minutes apart."""

_LABELS = "training.kubeflow.org"


def build_job(
    training: Document,
    spec: AtlasTrainingSpec,
    image: str,
    run: RunStatus,
    allow_code: bool,
    *,
    known: AtlasTrainingStatus,
) -> Document:
    """The PyTorchJob of one attempt: one Master, or several Workers that find each other by c10d.

    *known* is the status, with what earlier attempts of the run have reported.
    """
    name = job_name(training["metadata"]["name"], run.number, run.attempt)
    secret = [join_variable(name)] if spec.compute.processes > 1 else []
    peers = [*launch_environment(spec.compute, name), *secret]
    template = pod_template(training, spec, image, run, allow_code, container=CONTAINER, peers=peers, known=known)
    # Not in the template, too: the training-operator posts a Warning about it.
    replica = {"restartPolicy": "Never", "template": template}
    workers = spec.compute.workers
    # Without a backoffLimit: at its limit the training-operator removes failed pods too, with their log and exit code.
    body: dict[str, Any] = {"runPolicy": {"cleanPodPolicy": "Running"}}
    if workers == 1:
        body |= {"nprocPerNode": "1", "pytorchReplicaSpecs": {"Master": {"replicas": 1, **replica}}}
    else:
        body |= {
            "elasticPolicy": _elastic(workers),
            "pytorchReplicaSpecs": {"Worker": {"replicas": workers, **replica}},
        }
    return {"apiVersion": KINDS[KIND][0], "kind": KIND, "metadata": job_metadata(training, spec, run), "spec": body}


def launch_environment(compute: Compute, job: str) -> list[Document]:
    """Environment variables, as in a container, by which the workers of the PyTorchJob *job* find each other.

    Empty for one worker. They must come after those of the user.
    """
    if compute.workers == 1:
        return []
    index = {"valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{_LABELS}/replica-index']"}}}
    meeting = [
        {"name": contract.MASTER_ADDR, "value": f"{job}-worker-0"},
        {"name": contract.MASTER_PORT, "value": str(contract.DISTRIBUTED_PORT)},
    ]
    if compute.gpus_per_worker > 1:
        return [{"name": contract.WORKER_INDEX, **index}, *meeting]
    return [{"name": contract.RANK, **index}, {"name": contract.WORLD_SIZE, "value": str(compute.workers)}, *meeting]


def asks_for_join_secret(job: Document) -> bool:
    """Whether pods of *job* are given a secret by which its processes know each other."""
    templates = [mapping(each, "template", "spec") for each in mapping(job, "spec", "pytorchReplicaSpecs").values()]
    containers = [container for pod in templates for container in items(pod, "containers")]
    return any(each.get("name") == contract.JOIN_SECRET for container in containers for each in items(container, "env"))


def job_state(job: Document) -> JobState:
    """
    State of *job*. The first that holds, in this order:

        Failed, Succeeded   for good
        Unseen              no condition at all: the training-operator has not looked at it
        Queued              suspended: no pod is left
        Suspending          to be suspended, but pods may be left
        Running             every replica's pod runs
        Starting            anything else; why, only its pods tell
    """
    if is_true(job, "Failed"):
        return "Failed"
    if is_true(job, "Succeeded"):
        return "Succeeded"
    if not items(job, "status", "conditions"):
        return "Unseen"
    if get_path(job, "spec", "runPolicy", "suspend") is True:
        return "Queued" if is_true(job, "Suspended") else "Suspending"
    return "Running" if is_true(job, "Running") and _all_active(job) else "Starting"


def has_begun(job: Document) -> bool:
    """Whether a pod of *job* runs, or all did what they had to: nothing needs to be explained."""
    return is_true(job, "Running") or is_true(job, "Succeeded")


def running_since(job: Document) -> datetime | None:
    """Time since which the first of the pods of *job* runs. None unless all run now."""
    return timestamp(condition(job, "Running"), "lastTransitionTime") if job_state(job) == "Running" else None


def replicas(job: Document) -> int:
    """Number of pods that *job* is to have. A replica spec without a number means one."""
    specs = mapping(job, "spec", "pytorchReplicaSpecs").values()
    return sum(1 if (wanted := integer(spec, "replicas")) is None else wanted for spec in specs)


def is_rank_0(pod: Document) -> bool:
    """Whether *pod* is rank 0, which reports: the Master, or worker 0 where there is none."""
    labels = mapping(pod, "metadata", "labels")
    return labels.get(f"{_LABELS}/job-role") == "master" or labels.get(f"{_LABELS}/replica-index") == "0"


def _all_active(job: Document) -> bool:
    statuses = mapping(job, "status", "replicaStatuses").values()
    active = sum(integer(status, "active") or 0 for status in statuses)
    return active > 0 and active >= replicas(job)


def _elastic(workers: int) -> dict[str, Any]:
    waits = [{"key": key, "value": str(RENDEZVOUS_SECONDS)} for key in ("join_timeout", "read_timeout")]
    return {
        "minReplicas": workers,
        "maxReplicas": workers,
        "maxRestarts": 0,
        "rdzvBackend": "c10d",
        "rdzvConf": waits,
    }
