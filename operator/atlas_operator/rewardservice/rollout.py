"""Roll-out of a Deployment: how far it is, from its status and its pods. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, integer, is_true, mapping, string
from atlas_operator.cluster.labels import CONFIGURATION


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a Deployment is."""

    wanted: int
    """Pods that there should be."""

    ready: int = 0
    """Pods that answer, of any kind."""

    newest: int = 0
    """Ready pods that read the newest configuration."""

    begun: bool = False
    """Whether the newest Deployment is applied, and its controller has seen it."""

    complete: bool = False
    """Whether exactly the wanted pods are there, all of the newest kind, and all answer."""

    replacing: bool = True
    """Whether pods of an older kind are left, or newer ones are missing."""

    overdue: bool = False
    """Whether there was no progress for longer than the Deployment's deadline."""


def rollout(
    deployment: Document | None, pods: Iterable[Document], configuration: str, wanted: int, applied: bool
) -> Rollout:
    """How far *deployment* is; None: it is not there yet. *applied*: it came of the newest spec."""
    if deployment is None:
        return Rollout(wanted)
    ready_pods = [pod for pod in pods if is_ready(pod)]
    newest = sum(configuration_of(pod) == configuration for pod in ready_pods)
    ready = integer(deployment, "status", "readyReplicas") or 0
    updated, total = (integer(deployment, "status", each) or 0 for each in ("updatedReplicas", "replicas"))
    begun = (
        applied and (integer(deployment, "status", "observedGeneration") or 0) >= deployment["metadata"]["generation"]
    )
    replacing = not begun or not total == updated == wanted
    late = string(condition(deployment, "Progressing"), "reason") == "ProgressDeadlineExceeded"
    return Rollout(
        wanted=wanted,
        ready=ready,
        newest=newest,
        begun=begun,
        complete=not replacing and ready >= wanted,
        replacing=replacing,
        overdue=begun and late,
    )


def is_ready(pod: Document) -> bool:
    """Whether *pod* answers and stays."""
    return is_true(pod, "Ready") and not is_going(pod)


def is_going(pod: Document) -> bool:
    """Whether *pod* was asked to end."""
    return "deletionTimestamp" in pod["metadata"]


def configuration_of(pod: Document) -> str:
    """Digest of the configuration that *pod* reads."""
    return string(mapping(pod, "metadata", "annotations"), CONFIGURATION)
