"""Reading of one AtlasTraining with all its children from the API server."""

import asyncio

from atlas_operator.backends import BACKEND
from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Key
from atlas_operator.cluster.listing import if_served
from atlas_operator.cluster.ownership import is_owned
from atlas_operator.pending.attempt import unexplained
from atlas_operator.rewardservice.served import names_service
from atlas_operator.training.observed import Observed


async def observe(client: ClusterClient, key: Key) -> Observed | None:
    """The training with all its children, and events while it waits for a job to run; None: there is none.

    Raises what `Api.request` does.
    """
    training = await client.get(key)
    if training is None:
        return None
    jobs, pods, config_maps = await asyncio.gather(
        if_served(client.children(BACKEND.KIND, key)), client.children("Pod", key), client.children("ConfigMap", key)
    )
    own = [job for job in jobs or () if is_owned(job, training)]
    events = await client.events_about(key.namespace, unexplained(own, pods))
    services = None
    if names_service(training, config_maps):
        services = await if_served(client.objects("RewardService", key.namespace))
    return Observed(
        training=training,
        jobs=tuple(jobs or ()),
        pods=tuple(pods),
        config_maps=tuple(config_maps),
        events=tuple(events),
        backend_served=jobs is not None,
        reward_services=tuple(services or ()),
    )
