"""What a reconciliation sees: an object and its children, as the API server returned them. Made by `cluster`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at one AtlasTraining. Lists hold only objects with its label."""

    training: Document
    """The AtlasTraining."""

    jobs: tuple[Document, ...] = ()
    """PyTorchJobs of all runs."""

    pods: tuple[Document, ...] = ()
    """Pods of all runs, terminated and terminating ones included."""

    config_maps: tuple[Document, ...] = ()
    """run.json and progress of all runs."""

    events: tuple[Document, ...] = ()
    """Events about those jobs and pods (core/v1), oldest first."""

    backend_served: bool = True
    """Whether the API server knows PyTorchJobs."""

    reward_services: tuple[Document, ...] = ()
    """RewardServices of the namespace; looked at only when the training may name one."""


@dataclass(frozen=True, slots=True)
class ObservedRewards:
    """One look at one RewardService. Lists hold only objects with its label."""

    service: Document
    """The RewardService."""

    deployments: tuple[Document, ...] = ()
    services: tuple[Document, ...] = ()
    budgets: tuple[Document, ...] = ()
    """PodDisruptionBudgets."""

    pods: tuple[Document, ...] = ()
    """Terminating ones included."""

    config_maps: tuple[Document, ...] = ()
    """Configurations, and what the pods report."""

    events: tuple[Document, ...] = ()
    """Events about pods that are not ready (core/v1), oldest first."""


Kind = Literal["AtlasTraining", "RewardService"]


@dataclass(frozen=True, slots=True)
class Key:
    """Which object."""

    namespace: str
    name: str
    kind: Kind = "AtlasTraining"


def time_of(text: str | None) -> datetime | None:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text) if text else None
