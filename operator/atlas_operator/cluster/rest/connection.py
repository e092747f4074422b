"""Connection to the API server: address and credentials, from a ServiceAccount's files in a pod, else KUBECONFIG.

All requests and all watches are sent by sessions that are made here, so that proxy, certificates, server name and token
are the same for all of them, by kubectl's rules. The module sends nothing itself.
"""

import os
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from atlas_api.connections.proxies import UnusableProxy, proxy_for, usable_proxy

_TOKEN_SECONDS = 60.0
_MALFORMED = (config.ConfigException, OSError, ValueError, TypeError, AttributeError, yaml.YAMLError)
"""What the library raises for kubeconfig files that are not there, or not as they should be."""


class NoCluster(Exception):
    """Neither a ServiceAccount nor a usable kubeconfig was found."""


async def find() -> Configuration:
    """Address, authority and credentials. A rotated token of a file is read again within a minute.

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
        loader = await config.load_kube_config(client_configuration=configuration)
        token_file = _token_file(loader)
    except _MALFORMED as error:
        raise NoCluster(f"no cluster to talk to ({error}); set KUBECONFIG, or run in a pod") from error
    if token_file is not None:
        configuration.refresh_api_key_hook = TokenFile(token_file).refresh


def session(configuration: Configuration, traces: Sequence[aiohttp.TraceConfig] = ()) -> aiohttp.ClientSession:
    """An HTTP session of the present event loop that sends the token as it is at the time of each request.

    Raises `NoCluster`: certificates or proxy cannot be used.
    """

    async def authorize(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if not str(request.url).startswith(f"{configuration.host.rstrip('/')}/"):
            raise aiohttp.InvalidURL(request.url, "not an address of the API server")
        token: Any = await configuration.get_api_key_with_prefix("BearerToken")
        if token:
            request.headers["Authorization"] = token
        # The name in the certificate, where it is another than that in the address.
        request.server_hostname = configuration.tls_server_name or None
        return await handler(request)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=_trust(configuration), limit=0),
        middlewares=(authorize,),
        trace_configs=list(traces),
        headers={"User-Agent": "atlas-operator"},
        proxy=_proxy(configuration),
    )


class TokenFile:
    """A token in a file that somebody replaces now and then: it is read again each minute, as kubectl does."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._read_at: float | None = None

    def refresh(self, configuration: Configuration) -> None:
        """Put the token into *configuration*. While the file is empty or cannot be read, the one before it stays."""
        if self._read_at is not None and self._clock() - self._read_at < _TOKEN_SECONDS:
            return
        with suppress(OSError, UnicodeDecodeError):
            if token := self._path.read_text().strip():
                configuration.api_key["BearerToken"] = f"Bearer {token}"
                self._read_at = self._clock()


def _token_file(loader: Any) -> Path | None:
    """The file with the token of the kubeconfig's user. The library reads it once, and prefers a token beside it."""
    user = loader._user
    named = user.safe_get("tokenFile") if user is not None else None
    return Path(loader._get_base_path(user.path), named) if isinstance(named, str) and named else None


def _trust(configuration: Configuration) -> ssl.SSLContext:
    try:
        # The client turns files and options into a context; it opens no connection for that.
        context: ssl.SSLContext = RESTClientObject(configuration).ssl_context
    except (OSError, ValueError) as error:
        raise NoCluster(f"the certificates of the cluster cannot be used ({error}); correct the kubeconfig") from error
    return context


def _proxy(configuration: Configuration) -> str | None:
    """The `proxy-url` of the kubeconfig whatever the environment says, else what that says: kubectl's order."""
    try:
        if configuration.proxy:
            return usable_proxy(configuration.proxy)
        return proxy_for(configuration.host, os.environ)
    except UnusableProxy as error:
        cure = "name an HTTP proxy, or exempt the API server by NO_PROXY"
        raise NoCluster(f"the API server would be reached through {error}; {cure}") from error
