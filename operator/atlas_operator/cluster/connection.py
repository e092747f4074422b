"""Connection to the API server: address and credentials, from a ServiceAccount's files in a pod, else KUBECONFIG.

The module sends nothing itself.
"""

import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject


class NoCluster(Exception):
    """Neither a ServiceAccount nor a usable kubeconfig was found."""


async def find() -> Configuration:
    """Address, authority and credentials. A rotated ServiceAccount token is read again within a minute.

    Raises `NoCluster`: there is nothing to connect to.
    """
    configuration = Configuration()
    await renew(configuration)
    return configuration


async def renew(configuration: Configuration) -> None:
    """Read the credentials again, into *configuration*.

    Raises `NoCluster`: they are gone.
    """
    with suppress(config.ConfigException):
        config.load_incluster_config(client_configuration=configuration)
        return
    try:
        await config.load_kube_config(client_configuration=configuration)
    except (config.ConfigException, OSError) as error:
        raise NoCluster(f"no cluster to talk to ({error}); set KUBECONFIG, or run in a pod") from error


def session(configuration: Configuration, traces: Sequence[aiohttp.TraceConfig]) -> aiohttp.ClientSession:
    """An HTTP session of the present event loop that sends the token as it is at the time of each request."""
    # The client turns files and options into a context; it opens no connection for that.
    context: ssl.SSLContext = RESTClientObject(configuration).ssl_context

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        token: Any = await configuration.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        return await handler(request)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, limit=0),
        middlewares=(authorize,),
        trace_configs=list(traces),
        trust_env=True,
    )
