"""
Why an attempt does not run yet, in plain words.

Called by the plan for the Running condition, with the attempt's job and pods and with all events. Knows no deadline: it
says what is so, not for how long it may be.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from atlas_operator.backends import BACKEND
from atlas_operator.backends.base import KUEUE_QUEUE
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, is_true, latest, mapping, name_of, string, timestamp
from atlas_operator.cluster.labels import ATTEMPT
from atlas_operator.cluster.ownership import controller_of
from atlas_operator.cluster.plain_text import one_line
from atlas_operator.pending.pod import Obstacle, Weight, obstacle

PODS_ASKED_ABOUT = 8
"""Pods of an object whose events are read: the others have the same troubles."""

_QUOTA = re.compile(r"exceeded quota: ([^,\s]+)(, .*)?")
_PSS = re.compile(r'violates PodSecurity "([^"]+)": (.*)')
_WEBHOOK = re.compile(r'admission webhook "([^"]+)" denied the request:? ?(.*)')


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One CamelCase word, and one line that names the object and the cure."""

    reason: str
    message: str


def why_not_running(job: Document, pods: Iterable[Document], events: Sequence[Document]) -> Diagnosis:
    """
    Say what keeps *job* from running. *pods* are its own; *events*, oldest first, may be about anything.

    Of several obstacles the one that somebody has to mend is told first. Several pods with the same one are counted.
    """
    pods = list(pods)
    found = [each for pod in pods if (each := obstacle(pod, [each for each in events if is_about(each, pod)]))]
    found += _of_the_job(job, pods, events)
    if not found:
        return _starting(job, pods)
    first = min(found, key=lambda each: each.weight)
    same = sum(each.reason == first.reason for each in found)
    counted = f"{same} of {max(BACKEND.replicas(job), len(pods))} pods: " if same > 1 else ""
    return Diagnosis(first.reason, one_line(counted + first.message))


def unexplained(jobs: Sequence[Document], pods: Sequence[Document]) -> list[str]:
    """UIDs of the newest job and its pods, whose events say why nothing runs; none while it runs or when it is done."""
    if not jobs:
        return []
    newest = max(jobs, key=_age_and_attempt)
    conditions = newest.get("status", {}).get("conditions") or []
    if any(each["type"] in ("Running", "Succeeded") and each["status"] == "True" for each in conditions):
        return []
    uid = newest["metadata"]["uid"]
    own = [pod for pod in pods if controller_of(pod) == uid and pod.get("status", {}).get("phase") != "Running"]
    return [uid, *(pod["metadata"]["uid"] for pod in own[:PODS_ASKED_ABOUT])]


def _age_and_attempt(job: Document) -> tuple[str, int]:
    metadata = job["metadata"]
    return metadata["creationTimestamp"], int(metadata["labels"].get(ATTEMPT, 0))


def pods_scheduled_at(pods: Iterable[Document]) -> datetime | None:
    """When the last of *pods* got its node; None when there are none, or one has none."""
    return latest(_scheduled_at(pod) for pod in pods)


def _scheduled_at(pod: Document) -> datetime | None:
    if is_true(pod, "PodScheduled"):
        return timestamp(condition(pod, "PodScheduled"), "lastTransitionTime")
    return timestamp(pod, "status", "startTime") if string(pod, "spec", "nodeName") else None


def _of_the_job(job: Document, pods: list[Document], events: Sequence[Document]) -> Iterator[Obstacle]:
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
            yield Obstacle(Weight.HELD, "WaitingForTrainingOperator", message)


def _suspended(job: Document) -> Obstacle:
    queue = mapping(job, "metadata", "labels").get(KUEUE_QUEUE)
    if queue:
        message = (
            f"{BACKEND.KIND} {name_of(job)} waits in queue {queue} until Kueue admits it; see `kubectl get workloads`"
        )
        return Obstacle(Weight.HELD, "Queued", message)
    message = f"{BACKEND.KIND} {name_of(job)} is suspended and names no queue; {BACKEND.RESUME}"
    return Obstacle(Weight.HELD, "JobSuspended", message)


def _refused(job: Document, events: Sequence[Document]) -> Iterator[Obstacle]:
    """The API server does not take the pods. The job has no condition for it, only events."""
    about = (event for event in reversed(events) if is_about(event, job))
    told = next((event for event in about if string(event, "reason") == "FailedCreatePod"), None)
    if told is not None:
        yield pods_refused(string(told, "message"), name_of(job))


def pods_refused(message: str, name: str) -> Obstacle:
    """Why the API server does not take the pods of *name*, from what it said."""
    said = one_line(message, 2000)
    if quota := _QUOTA.search(said):
        message = f"pods of {name} would exceed ResourceQuota {quota[1]}; raise it or ask for less{quota[2] or ''}"
        return Obstacle(Weight.MISTAKE, "QuotaExceeded", message)
    if pss := _PSS.search(said):
        message = f"the namespace enforces Pod Security {pss[1]} and refuses the pods of {name}: {pss[2]}"
        return Obstacle(Weight.MISTAKE, "PodSecurityViolated", message)
    if webhook := _WEBHOOK.search(said):
        message = f"admission webhook {webhook[1]} refuses the pods of {name}: {webhook[2]}"
        return Obstacle(Weight.MISTAKE, "AdmissionDenied", message)
    return Obstacle(Weight.MISTAKE, "FailedCreatePod", f"pods of {name} cannot be created: {said}")


def _starting(job: Document, pods: list[Document]) -> Diagnosis:
    running = sum(string(pod, "status", "phase") == "Running" for pod in pods)
    there = f"{running} of {BACKEND.replicas(job)} pods run" if pods else "its pods are being created"
    return Diagnosis("Starting", one_line(f"{BACKEND.KIND} {name_of(job)} starts: {there}"))


def is_about(event: Document, subject: Document) -> bool:
    """Whether *event* is about *subject*: by kind and name, and by UID where both know one, since names come again."""
    involved, metadata = mapping(event, "involvedObject"), mapping(subject, "metadata")
    kind = string(subject, "kind")
    same = string(involved, "name") == string(metadata, "name") and (not kind or string(involved, "kind") == kind)
    uids = {string(involved, "uid"), string(metadata, "uid")} - {""}
    return same and len(uids) <= 1
