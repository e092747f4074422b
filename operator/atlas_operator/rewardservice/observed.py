"""Observed state of one RewardService: the object and its children, as the API server returned them."""

from dataclasses import dataclass

from atlas_operator.cluster.document import Document


@dataclass(frozen=True, slots=True)
class ObservedRewards:
    """What was observed of one RewardService at one time. Lists hold only objects with its label."""

    service: Document
    """The RewardService itself."""

    deployments: tuple[Document, ...] = ()
    services: tuple[Document, ...] = ()
    budgets: tuple[Document, ...] = ()
    """PodDisruptionBudgets of the service."""

    pods: tuple[Document, ...] = ()
    """Pods of the service, terminating ones included."""

    config_maps: tuple[Document, ...] = ()
    """Configurations, and what the pods report."""

    events: tuple[Document, ...] = ()
    """Events about pods that are not ready (core/v1), oldest first."""
