"""Observed state of one RewardService: the object and its children, as the API server returned them."""

from dataclasses import dataclass

from atlas_operator.cluster.document import Document


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
