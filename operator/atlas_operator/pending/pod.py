"""
Pending reasons of one pod: what keeps it from running, in plain words with the cure. Pure.

Reads the pod's own status and the kubelet's events about it; the words of Kubernetes are matched, shortened and quoted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from atlas_api.text import one_line
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, integer, items, mapping, name_of, string
from atlas_operator.pending.reasons import PendingCause, Severity


@dataclass(frozen=True, slots=True)
class SpecFields:
    """Names of the fields of a spec that cures tell people to change: each kind has its own."""

    image: str
    pull: str
    resources: str
    gpus: str
    disk: str
    taints: str
    placement: str
    spread: str


_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError")
_NOT_MADE = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")
_VOLUME_EVENTS = ("FailedMount", "FailedAttachVolume")
_KUBELET_EVENTS = (*_VOLUME_EVENTS, "FailedCreatePodSandBox")

_MISSING = re.compile(r'(secret|configmap|persistentvolumeclaim) "([^"]+)" not found', re.IGNORECASE)
_MISSING_KEY = re.compile(r"couldn't find key (\S+) in (Secret|ConfigMap) (?:[^/\s]+/)?(\S+)")
_NO_SUCH_KEY = re.compile(r"references non-existent (?:secret|config) key: (\S+)")
_INSUFFICIENT = re.compile(r"Insufficient ([A-Za-z0-9./-]*[A-Za-z0-9])")
_KINDS = {"secret": "Secret", "configmap": "ConfigMap", "persistentvolumeclaim": "PersistentVolumeClaim"}
_MISSING_REASONS = {
    "Secret": "SecretMissing",
    "ConfigMap": "ConfigMapMissing",
    "PersistentVolumeClaim": "ClaimMissing",
}


def pending_cause(pod: Document, events: Sequence[Document], fields: SpecFields) -> PendingCause | None:
    """What keeps *pod* from running; *events* are those about it, oldest first. None when it runs or has ended."""
    if string(pod, "status", "phase") in ("Running", "Succeeded", "Failed"):
        return None
    return min(_causes(pod, events, fields), key=lambda each: each.severity, default=None)


def _causes(pod: Document, events: Sequence[Document], fields: SpecFields) -> Iterator[PendingCause]:
    yield from _unplaced(pod, fields)
    yield from _containers(pod, "containerStatuses", "container", fields)
    yield from _containers(pod, "initContainerStatuses", "init container", fields)
    if string(pod, "spec", "nodeName"):
        yield from _from_events(pod, events)
        yield from _passing(pod)
    if mapping(pod, "metadata").get("deletionTimestamp"):
        yield PendingCause(Severity.HELD, "PodTerminating", f"pod {name_of(pod)} is being deleted before it ran")


def _unplaced(pod: Document, fields: SpecFields) -> Iterator[PendingCause]:
    """Why the scheduler has no node for the pod."""
    scheduled = condition(pod, "PodScheduled")
    if string(scheduled, "status") != "False":
        return
    words = one_line(string(scheduled, "message").partition(" preemption:")[0], 250)
    if string(scheduled, "reason") == "SchedulingGated":
        message = f"pod {name_of(pod)} is held back by a scheduling gate until whoever set it removes it"
        yield PendingCause(Severity.HELD, "SchedulingGated", message)
    elif missing := _missing(words):
        yield _mistake(missing[0], f"pod {name_of(pod)} needs {missing[1]}")
    elif "unbound" in words and "PersistentVolumeClaim" in words:
        cure = "look at the claim's events: its storage class may be missing or full"
        yield PendingCause(
            Severity.NO_ROOM, "ClaimNotBound", f"a claim of pod {name_of(pod)} has no volume yet; {cure}"
        )
    else:
        yield PendingCause(
            Severity.NO_ROOM, "Unschedulable", f"no node takes pod {name_of(pod)}: {_no_node(words, fields)}"
        )


def _no_node(words: str, fields: SpecFields) -> str:
    """Which resource is short, or which rule excludes the nodes, and what to do about it."""
    short = list(dict.fromkeys(_INSUFFICIENT.findall(words)))
    if short:
        asked = " or ".join(dict.fromkeys(field for each in short for field in _asked_by(each, fields)))
        return f"not enough {', '.join(short)} free; add nodes, wait, or lower {asked} ({words})"
    if "untolerated taint" in words:
        return f"nodes have taints; {fields.taints} ({words})"
    if "topology spread" in words:
        return f"pods would lie too unevenly; add nodes, or set whenUnsatisfiable in {fields.spread} ({words})"
    if "affinity" in words or "selector" in words:
        return f"labels do not match; {fields.placement} ({words})"
    return words or "the scheduler does not say why"


def _asked_by(resource: str, fields: SpecFields) -> tuple[str, ...]:
    """Fields that may have asked for *resource*. What has a vendor can be a GPU under another name."""
    if resource.endswith("/gpu"):
        return (fields.gpus,)
    if resource == "ephemeral-storage":
        return (fields.disk,)
    return (fields.gpus, fields.resources) if "/" in resource else (fields.resources,)


def _containers(pod: Document, field: str, what: str, fields: SpecFields) -> Iterator[PendingCause]:
    """Why the kubelet cannot start a container."""
    for container in items(pod, "status", field):
        place = f"{what} {string(container, 'name')} of pod {name_of(pod)}"
        waits = mapping(container, "state", "waiting")
        reason, words = string(waits, "reason"), string(waits, "message")
        if reason in _IMAGE:
            yield _image(container, reason, words, place, fields)
        elif reason in _NOT_MADE:
            yield _not_made(reason, words, place)
        elif what == "init container" and (code := integer(container, "state", "terminated", "exitCode")):
            yield _mistake("InitFailed", f"{place} ended with exit code {code}; see its log")


def _image(container: Document, reason: str, words: str, place: str, fields: SpecFields) -> PendingCause:
    image = string(container, "image") or "its image"
    if reason == "InvalidImageName":
        return _mistake(reason, f"{place}: {image} is not the name of an image; correct {fields.image}")
    if reason == "ErrImageNeverPull":
        return _mistake(reason, f"{place}: {image} is not on the node, and pulling is off")
    # The kubelet goes back and forth between trying and waiting: one trouble, one reason.
    reason = "ImagePullBackOff" if reason == "ErrImagePull" else reason
    return _mistake(reason, f"{place}: {image} cannot be pulled; {fields.pull}: {words}")


def _not_made(reason: str, words: str, place: str) -> PendingCause:
    if missing := _missing(words):
        return _mistake(missing[0], f"{place} needs {missing[1]}")
    return _mistake(reason, f"{place} cannot be started: {words or 'the kubelet does not say why'}")


def _from_events(pod: Document, events: Sequence[Document]) -> Iterator[PendingCause]:
    """Volumes and network, of which only events tell. They stay when the trouble is over, so only the newest counts."""
    newest = next((event for event in reversed(events) if string(event, "reason") in _KUBELET_EVENTS), None)
    if newest is None:
        return
    words = string(newest, "message")
    if missing := _missing(words):
        yield _mistake(missing[0], f"pod {name_of(pod)} needs {missing[1]}")
    elif string(newest, "reason") in _VOLUME_EVENTS:
        yield _mistake("FailedMount", f"a volume of pod {name_of(pod)} cannot be mounted: {words}")
    else:
        yield _mistake("NetworkNotReady", f"pod {name_of(pod)} gets no sandbox on its node: {words}")


def _passing(pod: Document) -> Iterator[PendingCause]:
    """Why a pod that is on a node, and of which nothing is wrong so far, does not run yet."""
    node = string(pod, "spec", "nodeName")
    unfinished = [each for each in items(pod, "status", "initContainerStatuses") if not _is_done(each)]
    if unfinished:
        name = string(unfinished[0], "name")
        yield PendingCause(Severity.PASSING, "Initializing", f"pod {name_of(pod)} waits for its init container {name}")
    else:
        message = f"pod {name_of(pod)} is starting on node {node}: image and volumes"
        yield PendingCause(Severity.PASSING, "ContainerCreating", message)


def _is_done(container: Document) -> bool:
    return integer(container, "state", "terminated", "exitCode") == 0


def _missing(words: str) -> tuple[str, str] | None:
    """Reason, and the words for what is missing with the cure."""
    if match := _MISSING_KEY.search(words):
        key, kind, name = match[1], match[2], match[3].rstrip(".,")
        return "KeyMissing", f"key {key} of {kind} {name}, which is not in it; add it"
    if match := _NO_SUCH_KEY.search(words):
        return "KeyMissing", f"key {match[1]} of a Secret or ConfigMap, which is not in it; add it"
    if match := _MISSING.search(words):
        kind = _KINDS[match[1].lower()]
        return _MISSING_REASONS[kind], f"{kind} {match[2]}, which does not exist in its namespace; create it"
    return None


def _mistake(reason: str, message: str) -> PendingCause:
    return PendingCause(Severity.MISTAKE, reason, message)
