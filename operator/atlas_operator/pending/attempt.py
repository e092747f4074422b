"""
Pending reasons of an attempt: why its job does not run yet, in plain words. Pure.

Deadlines are others: this says what is so, not for how long it may be.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from atlas_operator.backends import BACKEND
from atlas_operator.backends.base import KUEUE_QUEUE
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, is_true, latest, mapping, name_of, string, timestamp
from atlas_operator.cluster.labels import ATTEMPT, number_of
from atlas_operator.cluster.ownership import controller_of
from atlas_operator.pending.pod import SpecFields, pending_cause
from atlas_operator.pending.pod_creation import pods_refused
from atlas_operator.pending.reasons import PODS_ASKED_ABOUT, PendingCause, PendingReason, Severity, is_about
from atlas_operator.status import wording

_FIELDS = SpecFields(
    image="compute.image",
    pull="check compute.image, that the node reaches the registry, and compute.imagePullSecrets",
    resources="compute.resources",
    gpus="compute.gpusPerWorker",
    disk="compute.ephemeralStorage",
    taints="name them in compute.tolerations",
    placement="correct compute.nodeSelector or compute.affinity",
    spread="compute.topologySpreadConstraints",
)


def why_not_running(job: Document, pods: Iterable[Document], events: Sequence[Document]) -> PendingReason:
    """
    Say what keeps *job* from running. *pods* are its own; *events*, oldest first, may be about anything.

    Of several causes the one that somebody has to mend is told first. Several pods with the same one are counted.
    """
    pods = list(pods)
    causes = [
        each for pod in pods if (each := pending_cause(pod, [each for each in events if is_about(each, pod)], _FIELDS))
    ]
    causes += _of_the_job(job, pods, events)
    if not causes:
        return _starting(job, pods)
    first = min(causes, key=lambda each: each.severity)
    same = sum(each.reason == first.reason for each in causes)
    counted = f"{same} of {max(BACKEND.replicas(job), len(pods))} pods: " if same > 1 else ""
    return PendingReason(
        first.reason, wording.message(counted + first.message), is_mistake=first.severity is Severity.MISTAKE
    )


def unexplained(jobs: Sequence[Document], pods: Sequence[Document]) -> list[str]:
    """UIDs of the newest job and its pods, whose events say why nothing runs; none while it runs or when it is done."""
    if not jobs:
        return []
    newest = max(jobs, key=_age_and_attempt)
    if BACKEND.has_begun(newest):
        return []
    uid = newest["metadata"]["uid"]
    own = [pod for pod in pods if controller_of(pod) == uid and pod.get("status", {}).get("phase") != "Running"]
    return [uid, *(pod["metadata"]["uid"] for pod in own[:PODS_ASKED_ABOUT])]


def _age_and_attempt(job: Document) -> tuple[str, int]:
    return job["metadata"]["creationTimestamp"], number_of(job, ATTEMPT)


def pods_scheduled_at(pods: Iterable[Document]) -> datetime | None:
    """When the last of *pods* got its node; None when there are none, or one has none."""
    return latest(_scheduled_at(pod) for pod in pods)


def _scheduled_at(pod: Document) -> datetime | None:
    if is_true(pod, "PodScheduled"):
        return timestamp(condition(pod, "PodScheduled"), "lastTransitionTime")
    return timestamp(pod, "status", "startTime") if string(pod, "spec", "nodeName") else None


def _of_the_job(job: Document, pods: list[Document], events: Sequence[Document]) -> Iterator[PendingCause]:
    state = BACKEND.job_state(job)
    if state in ("Queued", "Suspending") and not pods:
        yield _suspended(job)
    elif len(pods) < BACKEND.replicas(job):
        # A job whose first pod is refused gets no condition at all: it looks as if nobody had seen it.
        refused = list(_refused(job, events))
        yield from refused
        if state == "Unseen" and not pods and not refused:
            message = (
                f"{BACKEND.KIND} {name_of(job)} waits for the {BACKEND.CONTROLLER}; if this lasts, check that it runs"
            )
            yield PendingCause(Severity.HELD, BACKEND.WAITING, message)


def _suspended(job: Document) -> PendingCause:
    queue = mapping(job, "metadata", "labels").get(KUEUE_QUEUE)
    if queue:
        message = (
            f"{BACKEND.KIND} {name_of(job)} waits in queue {queue} until Kueue admits it; see `kubectl get workloads`"
        )
        return PendingCause(Severity.HELD, "Queued", message)
    message = f"{BACKEND.KIND} {name_of(job)} is suspended and names no queue; {BACKEND.RESUME}"
    return PendingCause(Severity.HELD, "JobSuspended", message)


def _refused(job: Document, events: Sequence[Document]) -> Iterator[PendingCause]:
    """Pods that the API server does not take: the job has no condition for it, only events."""
    about = (event for event in reversed(events) if is_about(event, job))
    newest = next((event for event in about if string(event, "reason") == "FailedCreatePod"), None)
    if newest is not None:
        yield pods_refused(string(newest, "message"), name_of(job))


def _starting(job: Document, pods: list[Document]) -> PendingReason:
    running = sum(string(pod, "status", "phase") == "Running" for pod in pods)
    there = f"{running} of {BACKEND.replicas(job)} pods run" if pods else "its pods are being created"
    return PendingReason("Starting", wording.message(f"{BACKEND.KIND} {name_of(job)} starts: {there}"))
