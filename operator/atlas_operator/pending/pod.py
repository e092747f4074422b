"""
What keeps one pod from running, in plain words with the cure. Called for each pod by `diagnosis` and
`rewards_diagnosis`.

Reads the pod's own status and the kubelet's events about it; the words of Kubernetes are matched, shortened and quoted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, integer, items, mapping, name_of, string
from atlas_operator.cluster.plain_text import one_line


class Weight(IntEnum):
    """What is told first: mistakes that somebody must mend, then what waits for room, then what takes its time."""

    MISTAKE = 0
    NO_ROOM = 1
    HELD = 2
    PASSING = 3


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a pod, or a whole job, does not run."""

    weight: Weight
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Fields:
    """What the fields of the spec are called that a cure names."""

    image: str
    pull: str
    resources: str
    gpus: str
    taints: str
    placement: str


TRAINING_FIELDS = Fields(
    image="compute.image",
    pull="check compute.image, that the node reaches the registry, and compute.imagePullSecrets",
    resources="compute.resources",
    gpus="compute.gpusPerWorker",
    taints="name them in compute.tolerations",
    placement="correct compute.nodeSelector or compute.affinity",
)

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


def obstacle(pod: Document, events: Sequence[Document], fields: Fields = TRAINING_FIELDS) -> Obstacle | None:
    """What keeps *pod* from running; *events* are those about it, oldest first. None when it runs or has ended."""
    if string(pod, "status", "phase") in ("Running", "Succeeded", "Failed"):
        return None
    return min(_obstacles(pod, events, fields), key=lambda each: each.weight, default=None)


def _obstacles(pod: Document, events: Sequence[Document], fields: Fields) -> Iterator[Obstacle]:
    yield from _unplaced(pod, fields)
    yield from _containers(pod, "containerStatuses", "container", fields)
    yield from _containers(pod, "initContainerStatuses", "init container", fields)
    if string(pod, "spec", "nodeName"):
        yield from _told_by_kubelet(pod, events)
        yield from _passing(pod)
    if mapping(pod, "metadata").get("deletionTimestamp"):
        yield Obstacle(Weight.HELD, "PodTerminating", f"pod {name_of(pod)} is being deleted before it ran")


def _unplaced(pod: Document, fields: Fields) -> Iterator[Obstacle]:
    """The scheduler has no node for it."""
    scheduled = condition(pod, "PodScheduled")
    if string(scheduled, "status") != "False":
        return
    said = one_line(string(scheduled, "message").partition(" preemption:")[0], 250)
    if string(scheduled, "reason") == "SchedulingGated":
        message = f"pod {name_of(pod)} is held back by a scheduling gate until whoever set it removes it"
        yield Obstacle(Weight.HELD, "SchedulingGated", message)
    elif missing := _missing(said):
        yield _mistake(missing[0], f"pod {name_of(pod)} needs {missing[1]}")
    elif "unbound" in said and "PersistentVolumeClaim" in said:
        cure = "look at the claim's events: its storage class may be missing or full"
        yield Obstacle(Weight.NO_ROOM, "ClaimNotBound", f"a claim of pod {name_of(pod)} has no volume yet; {cure}")
    else:
        yield Obstacle(Weight.NO_ROOM, "Unschedulable", f"no node takes pod {name_of(pod)}: {_no_node(said, fields)}")


def _no_node(said: str, fields: Fields) -> str:
    """Which resource is short, or which rule excludes the nodes, and what to do about it."""
    short = list(dict.fromkeys(_INSUFFICIENT.findall(said)))
    if short:
        asked = fields.gpus if any(each.endswith("/gpu") for each in short) else fields.resources
        return f"not enough {', '.join(short)} free; add nodes, wait, or lower {asked} ({said})"
    if "untolerated taint" in said:
        return f"nodes have taints; {fields.taints} ({said})"
    if "affinity" in said or "selector" in said:
        return f"labels do not match; {fields.placement} ({said})"
    return said or "the scheduler does not say why"


def _containers(pod: Document, field: str, what: str, fields: Fields) -> Iterator[Obstacle]:
    """The kubelet cannot start a container."""
    for container in items(pod, "status", field):
        place = f"{what} {string(container, 'name')} of pod {name_of(pod)}"
        waits = mapping(container, "state", "waiting")
        reason, said = string(waits, "reason"), string(waits, "message")
        if reason in _IMAGE:
            yield _image(container, reason, said, place, fields)
        elif reason in _NOT_MADE:
            yield _not_made(reason, said, place)
        elif what == "init container" and (code := integer(container, "state", "terminated", "exitCode")):
            yield _mistake("InitFailed", f"{place} ended with exit code {code}; see its log")


def _image(container: Document, reason: str, said: str, place: str, fields: Fields) -> Obstacle:
    image = string(container, "image") or "its image"
    if reason == "InvalidImageName":
        return _mistake(reason, f"{place}: {image} is not the name of an image; correct {fields.image}")
    if reason == "ErrImageNeverPull":
        return _mistake(reason, f"{place}: {image} is not on the node, and pulling is off")
    return _mistake(reason, f"{place}: {image} cannot be pulled; {fields.pull}: {said}")


def _not_made(reason: str, said: str, place: str) -> Obstacle:
    if missing := _missing(said):
        return _mistake(missing[0], f"{place} needs {missing[1]}")
    return _mistake(reason, f"{place} cannot be started: {said or 'the kubelet does not say why'}")


def _told_by_kubelet(pod: Document, events: Sequence[Document]) -> Iterator[Obstacle]:
    """Volumes and network: told in events only. They stay when the trouble is over, so only the newest counts."""
    told = next((event for event in reversed(events) if string(event, "reason") in _KUBELET_EVENTS), None)
    if told is None:
        return
    said = string(told, "message")
    if missing := _missing(said):
        yield _mistake(missing[0], f"pod {name_of(pod)} needs {missing[1]}")
    elif string(told, "reason") in _VOLUME_EVENTS:
        yield _mistake("FailedMount", f"a volume of pod {name_of(pod)} cannot be mounted: {said}")
    else:
        yield _mistake("NetworkNotReady", f"pod {name_of(pod)} gets no sandbox on its node: {said}")


def _passing(pod: Document) -> Iterator[Obstacle]:
    """On a node, and nothing is wrong so far."""
    node = string(pod, "spec", "nodeName")
    begun = [each for each in items(pod, "status", "initContainerStatuses") if not _is_done(each)]
    if begun:
        name = string(begun[0], "name")
        yield Obstacle(Weight.PASSING, "Initializing", f"pod {name_of(pod)} waits for its init container {name}")
    else:
        message = f"pod {name_of(pod)} is starting on node {node}: image and volumes"
        yield Obstacle(Weight.PASSING, "ContainerCreating", message)


def _is_done(container: Document) -> bool:
    return integer(container, "state", "terminated", "exitCode") == 0


def _missing(said: str) -> tuple[str, str] | None:
    """Reason, and the words for what is missing with the cure."""
    if found := _MISSING_KEY.search(said):
        key, kind, name = found[1], found[2], found[3].rstrip(".,")
        return "KeyMissing", f"key {key} of {kind} {name}, which is not in it; add it"
    if found := _NO_SUCH_KEY.search(said):
        return "KeyMissing", f"key {found[1]} of a Secret or ConfigMap, which is not in it; add it"
    if found := _MISSING.search(said):
        kind = _KINDS[found[1].lower()]
        return _MISSING_REASONS[kind], f"{kind} {found[2]}, which does not exist in its namespace; create it"
    return None


def _mistake(reason: str, message: str) -> Obstacle:
    return Obstacle(Weight.MISTAKE, reason, message)
