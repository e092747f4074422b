"""Objects as an API server returns them: PyTorchJobs, pods and events. Keywords say what is special about one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT, RUN, TRAINING

BEGIN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KUBEFLOW = "training.kubeflow.org"


def moment(seconds: float) -> datetime:
    """A time so many seconds after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


def timestamp(at: datetime) -> str:
    """A time as Kubernetes writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def after(seconds: float) -> str:
    """A time so many seconds after the beginning, as Kubernetes writes it."""
    return timestamp(moment(seconds))


def make_condition(kind: str, status: str = "True", at: float = 0, **fields: str) -> Document:
    """A condition of a job or pod. Keywords are `reason` and `message`."""
    return {"type": kind, "status": status, "lastTransitionTime": after(at), **fields}


def make_job(
    *conditions: Document,
    name: str = "demo-1-1",
    workers: int = 1,
    active: int = 0,
    suspend: bool | None = None,
    queue: str | None = None,
    deleted_at: float | None = None,
    **labels: str,
) -> Document:
    """A PyTorchJob: a Master when it has one worker, elastic Workers otherwise."""
    kind = "Master" if workers == 1 else "Worker"
    kueue = {"kueue.x-k8s.io/queue-name": queue} if queue else {}
    metadata = {"name": name, "namespace": "agents", "labels": {**_ours(), **kueue, **labels}, **_deletion(deleted_at)}
    replicas = {kind: {"replicas": workers, "restartPolicy": "Never"}}
    policy = {"cleanPodPolicy": "Running", **({} if suspend is None else {"suspend": suspend})}
    job: Document = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {**metadata, "creationTimestamp": after(0), "uid": f"uid-of-{name}"},
        "spec": {"runPolicy": policy, "pytorchReplicaSpecs": replicas},
    }
    if conditions:
        job["status"] = {"conditions": list(conditions), "replicaStatuses": {kind: {"active": active}}}
    return job


def make_pod(
    *conditions: Document,
    index: int = 0,
    job: str = "demo-1-1",
    role: str = "worker",
    phase: str = "Pending",
    node: str | None = None,
    containers: list[Document] | None = None,
    init_containers: list[Document] | None = None,
    deleted_at: float | None = None,
    **status: Any,
) -> Document:
    """Pod *index* of a job. Keywords left over go into its status: `reason`, `message`."""
    labels = {f"{KUBEFLOW}/job-name": job, f"{KUBEFLOW}/replica-type": role, f"{KUBEFLOW}/replica-index": str(index)}
    if index == 0:
        labels[f"{KUBEFLOW}/job-role"] = "master"
    name = f"{job}-{role}-{index}"
    metadata = {"name": name, "namespace": "agents", "labels": {**_ours(), **labels}, **_deletion(deleted_at)}
    parts = {"conditions": list(conditions), "containerStatuses": containers, "initContainerStatuses": init_containers}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "creationTimestamp": after(0), "uid": f"uid-of-{name}"},
        "spec": {"containers": [{"name": "pytorch"}], **({"nodeName": node} if node else {})},
        "status": {"phase": phase, **{key: part for key, part in parts.items() if part}, **status},
    }


def unplaced(message: str, reason: str = "Unschedulable", index: int = 0) -> Document:
    """A pod without a node."""
    return make_pod(make_condition("PodScheduled", "False", reason=reason, message=message), index=index)


def placed(*containers: Document, index: int = 0, init: list[Document] | None = None) -> Document:
    """A pod on a node that has not started."""
    scheduled = make_condition("PodScheduled")
    return make_pod(scheduled, node="node-1", containers=list(containers), init_containers=init, index=index)


def running(name: str = "pytorch", at: float = 0) -> Document:
    """Status of a container that runs."""
    return {"name": name, "state": {"running": {"startedAt": after(at)}}}


def waiting(reason: str, message: str = "", name: str = "pytorch") -> Document:
    """Status of a container that has not started."""
    return {"name": name, "state": {"waiting": {"reason": reason, **({"message": message} if message else {})}}}


def terminated(code: int, reason: str = "Error", message: str = "", name: str = "pytorch", at: float = 60) -> Document:
    """Status of a container that has ended; *message* is its termination message."""
    ended = {"exitCode": code, "reason": reason, "finishedAt": after(at), **({"message": message} if message else {})}
    return {"name": name, "state": {"terminated": ended}}


def ended_pod(code: int, index: int = 0, at: float = 60, **fields: Any) -> Document:
    """A pod whose container `pytorch` ended with *code*. Keywords `cause` and `said` are its reason and message."""
    container = terminated(code, fields.pop("cause", "Error" if code else "Completed"), fields.pop("said", ""), at=at)
    return make_pod(
        *fields.pop("conditions", ()),
        index=index,
        phase="Failed" if code else "Succeeded",
        node="node-1",
        containers=[container],
        **fields,
    )


def make_event(reason: str, message: str, about: Document, at: float = 0, kind: str = "Warning") -> Document:
    """An event about a job or pod."""
    metadata = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{metadata['name']}.{reason.lower()}", "namespace": metadata["namespace"]},
        "involvedObject": {"kind": about["kind"], "name": metadata["name"], "uid": metadata["uid"]},
        "type": kind,
        "reason": reason,
        "message": message,
        "lastTimestamp": after(at),
    }


def _ours() -> dict[str, str]:
    return {TRAINING: "demo", RUN: "1", ATTEMPT: "1"}


def _deletion(deleted_at: float | None, grace: int = 30) -> Document:
    """Kubernetes writes when the grace period ends, not when the deletion was asked for."""
    if deleted_at is None:
        return {}
    return {"deletionTimestamp": after(deleted_at + grace), "deletionGracePeriodSeconds": grace}
