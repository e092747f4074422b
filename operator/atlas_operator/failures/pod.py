"""
Failure classification of one pod: why it ended, as far as it shows. Pure; `failures.attempt` weighs pods.

Knows neither the job nor the trainer's report: only what the scheduler, the kubelet and the exit codes say.
"""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from atlas_api.errors import STOPPED_BY, AtlasError, FailureClass
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import (
    condition,
    get_path,
    integer,
    is_true,
    items,
    mapping,
    name_of,
    string,
    timestamp,
)
from atlas_operator.status import wording


@dataclass(frozen=True, slots=True)
class Failure:
    """End of an attempt without a model."""

    failure_class: FailureClass
    """Class that decides whether the attempt is tried again."""

    reason: str
    """Cause in one CamelCase word."""

    message: str
    """Cause in one line that names pod, container and cure."""


@dataclass(frozen=True, slots=True)
class PodFailure:
    """Failure of a pod, with what says whether it is the cause or only follows from another pod's."""

    failure: Failure
    specific: bool
    """Whether the failure is a cause by itself.

    An exit code that only says "something broke" is not: the peers of a lost pod have one too.
    """

    at: datetime | None
    """Time of the failure."""


SIGKILL = 128 + signal.SIGKILL
_SIGNALS = {128 + each.value: each.name for each in signal.Signals}

# These come from machine code that is wrong or was made for another CPU, and come again at every attempt. All other
# signals are sent from outside, or (SIGABRT) by a communication library that has lost its peers.
_OWN_FAULT = {128 + fault for fault in (signal.SIGSEGV, signal.SIGILL, signal.SIGFPE)}

_ASKED_TO_END = {128 + number: kind for number, kind in STOPPED_BY.items()}
"""SIGTERM is what kubelets send, unless the image asks for another signal."""

_DISK = re.compile(r"exceed\w* (its|the total) .*(ephemeral|limit of containers)")
"""The kubelet's words for a pod or a container that outgrew its own limit, and not for a node that is full."""

_NEVER_STARTED = ("StartError", "ContainerCannotRun")


def pod_failure(pod: Document) -> PodFailure | None:
    """Say why *pod* ended, or is being ended, without success. None when it shows no reason."""
    return next(_candidates(pod), None)


def errors() -> dict[int, type[AtlasError]]:
    """Every error that the trainer ends with, by exit code."""
    return {kind.exit_code: kind for kind in _family(AtlasError)}


def _family(kind: type[AtlasError]) -> Iterator[type[AtlasError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _candidates(pod: Document) -> Iterator[PodFailure]:
    """Every failure that *pod* shows, from what is beyond doubt to what may only follow from it."""
    if string(pod, "status", "phase") == "Succeeded":
        return
    yield from _disruption(pod)
    yield from _end_of_pod(pod)
    for container in sorted(_failed(pod), key=_less_telling):
        yield _exit(pod, container)
    if asked_at := _deletion_asked_at(pod):
        message = f"pod {name_of(pod)} was deleted before training was done"
        yield PodFailure(_failure("infrastructure", "PodDeleted", message), False, asked_at)


def _disruption(pod: Document) -> Iterator[PodFailure]:
    """Disruption of the pod by the cluster, which says so."""
    if not is_true(pod, "DisruptionTarget"):
        return
    target = condition(pod, "DisruptionTarget")
    reason = wording.reason_in(string(target, "reason"), "Disrupted")
    preempted = reason.startswith("Preemption") or string(pod, "status", "reason") == "Preempting"
    failure = _taken_away(pod, preempted, reason, string(target, "message"))
    yield PodFailure(failure, True, timestamp(target, "lastTransitionTime"))


def _end_of_pod(pod: Document) -> Iterator[PodFailure]:
    """End of the pod as a whole, by the kubelet or the death of its node."""
    word = string(pod, "status", "reason")
    if word:
        reason = wording.reason_in(word, "PodRefused")
        failure = _taken_away(pod, word == "Preempting", reason, string(pod, "status", "message"))
        yield PodFailure(failure, True, _ended_at(pod))


def _failed(pod: Document) -> list[Document]:
    return [container for container in _containers(pod) if integer(_end(container), "exitCode")]


def _less_telling(container: Document) -> tuple[bool, bool]:
    return string(_end(container), "reason") != "OOMKilled", container.get("name") != BACKEND.CONTAINER


def _taken_away(pod: Document, preempted: bool, reason: str, words: str) -> Failure:
    if _DISK.search(words):
        cure = "used more of the node's disk than its limit; raise compute.ephemeralStorage or keep less there"
        return _failure("user", "DiskLimit", f"pod {name_of(pod)} {cure}: {words}")
    node = string(pod, "spec", "nodeName")
    what = "had to make room for a more important one" if preempted else "was ended by the cluster"
    where = f" on node {node}" if node else ""
    message = f"pod {name_of(pod)} {what}{where} ({reason})" + (f": {words}" if words else "")
    return _failure("preempted" if preempted else "infrastructure", reason, message)


def _exit(pod: Document, container: Document) -> PodFailure:
    end = _end(container)
    code = integer(end, "exitCode") or 0
    cause = string(end, "reason")
    moments = [each for each in (timestamp(end, "finishedAt"), _deletion_asked_at(pod)) if each]
    failure, specific = _exit_failure(code, cause, container, f"{_place(pod, container)}, exit code {code}")
    return PodFailure(failure, specific, min(moments, default=None))


def _exit_failure(code: int, cause: str, container: Document, place: str) -> tuple[Failure, bool]:
    kind = errors().get(code) if container.get("name") == BACKEND.CONTAINER else None
    if cause == "OOMKilled":
        cure = "used more memory than its limit; raise compute.resources.limits.memory or make the batch smaller"
        return _failure("outOfMemory", "OOMKilled", f"{place}: {cure}"), True
    if cause in _NEVER_STARTED:
        words = string(_end(container), "message")
        return _failure("user", "StartError", f"{place}: could not be started; check the image: {words}"), True
    if asked_to_end := _ASKED_TO_END.get(code):
        name = _SIGNALS[code]
        return _failure(
            "preempted", asked_to_end.__name__, f"{place}: was asked to end ({name}) before training was done"
        ), False
    if kind and kind is not AtlasError:
        return _failure(kind.failure, kind.__name__, f"{place}: {_meaning(kind)}"), True
    return _crash(code, place), False


def _crash(code: int, place: str) -> Failure:
    name = _SIGNALS.get(code)
    if code in _OWN_FAULT:
        cure = "machine code in the image is wrong or made for another CPU; check the image, see the pod's log"
        return _failure("user", "Crashed", f"{place}: died of {name}; {cure}")
    if code == SIGKILL:
        return _failure("infrastructure", "Killed", f"{place}: was killed (SIGKILL), not for the memory limit")
    if name:
        return _failure("infrastructure", "Killed", f"{place}: died of {name}; see the pod's log")
    return _failure("user", "Crashed", f"{place}: ended without saying why; see the pod's log")


def _failure(failure_class: FailureClass, reason: str, message: str) -> Failure:
    return Failure(failure_class, reason, wording.message(message))


def _meaning(kind: type[AtlasError]) -> str:
    """Words of the error itself, its name where Python was told to drop them."""
    return (kind.__doc__ or kind.__name__).strip()


def _place(pod: Document, container: Document) -> str:
    return f"pod {name_of(pod)}, container {string(container, 'name') or 'without a name'}"


def _containers(pod: Document) -> list[Document]:
    return items(pod, "status", "containerStatuses") + items(pod, "status", "initContainerStatuses")


def _end(container: Document) -> Document:
    return mapping(container, "state", "terminated")


def _ended_at(pod: Document) -> datetime | None:
    moments = [timestamp(_end(container), "finishedAt") for container in _containers(pod)]
    return min((each for each in moments if each), default=None)


def _deletion_asked_at(pod: Document) -> datetime | None:
    """When the pod was told to go: it may outlive the peers that miss it, so what counts is not when it went."""
    gone_at = timestamp(pod, "metadata", "deletionTimestamp")
    grace = get_path(pod, "metadata", "deletionGracePeriodSeconds")
    if gone_at is None:
        return None
    return gone_at - timedelta(seconds=grace) if isinstance(grace, int) and 0 <= grace <= 10**6 else gone_at
