"""Reading of one RewardService with all its children from the API server."""

import asyncio

from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Key
from atlas_operator.pending.reasons import PODS_ASKED_ABOUT
from atlas_operator.rewardservice.observed import ObservedRewards
from atlas_operator.rewardservice.rollout import is_ready

_CHILDREN = ("Deployment", "Service", "PodDisruptionBudget", "Pod", "ConfigMap")


async def observe(client: ClusterClient, key: Key) -> ObservedRewards | None:
    """The RewardService with all its children, and events about pods that are not ready; None: there is none.

    Raises what `Api.request` does.
    """
    service = await client.get(key)
    if service is None:
        return None
    deployments, services, budgets, pods, config_maps = await asyncio.gather(
        *(client.children(kind, key) for kind in _CHILDREN)
    )
    waiting = [pod["metadata"]["uid"] for pod in pods if not is_ready(pod)]
    events = await client.events_about(key.namespace, waiting[:PODS_ASKED_ABOUT])
    return ObservedRewards(
        service=service,
        deployments=tuple(deployments),
        services=tuple(services),
        budgets=tuple(budgets),
        pods=tuple(pods),
        config_maps=tuple(config_maps),
        events=tuple(events),
    )
