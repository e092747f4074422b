"""RewardService as the manager sees it: its children, its reconciliation, its metrics."""

from functools import partial

from prometheus_client import CollectorRegistry

from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import is_true
from atlas_operator.controller.controller import Controller
from atlas_operator.controller.metrics import StateGauge
from atlas_operator.rewardservice.dependents import Dependents
from atlas_operator.rewardservice.reconcile import reconcile
from atlas_operator.settings import Settings


def rewardservice_controller(
    client: ClusterClient, settings: Settings, registry: CollectorRegistry, dependents: Dependents
) -> Controller:
    """The controller of RewardServices; one that is Ready wakes its *dependents*."""
    return Controller(
        kind="RewardService",
        reconcile=partial(reconcile, client, settings),
        children=("Pod", "ConfigMap", "Deployment", "Service"),
        installed_children=(),
        states=StateGauge(
            registry,
            "atlas_reward_services",
            "RewardService objects by state (Ready, Reconciling, Stalled)",
            "state",
        ),
        state_of=state_in,
        wakes=dependents.woken_by,
    )


def state_in(service: Document) -> str:
    """State that the conditions of *service* tell."""
    return next((each for each in ("Ready", "Stalled") if is_true(service, each)), "Reconciling")
