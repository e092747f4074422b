"""What is read of one AtlasTraining, from a small HTTP server with an API server's manners."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from support.kubernetes.scripted_answers import listening

from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Key
from atlas_operator.cluster.rest.api import Api
from atlas_operator.training.observe import observe
from atlas_operator.training.observed import Observed


def observed(answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> Observed | None:
    async def story() -> Observed | None:
        async with listening(answer) as host:
            api = Api(Configuration(host=host))
            try:
                return await observe(ClusterClient(api), Key("a", "b"))
            finally:
                await api.close()

    return asyncio.run(story())


async def _nothing(_: web.BaseRequest) -> web.Response:
    return web.json_response({"kind": "Status", "reason": "NotFound", "message": "no"}, status=404)


async def _no_jobs(request: web.BaseRequest) -> web.Response:
    if "kubeflow.org" in request.path:
        return web.Response(status=404, text="404 page not found")
    return web.json_response({"metadata": {}} if "atlastrainings" in request.path else {"metadata": {}, "items": []})


def test_a_training_that_is_gone_is_none() -> None:
    assert observed(_nothing) is None


def test_without_the_kind_pytorchjob_the_rest_is_observed() -> None:
    found = observed(_no_jobs)
    assert found is not None
    assert found.backend_served is False
