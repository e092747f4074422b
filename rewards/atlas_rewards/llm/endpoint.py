"""
One OpenAI-compatible endpoint over HTTP. Knows nothing about time-outs, retries or budgets.

It speaks the protocol itself, over aiohttp: the vendor's client takes ten times as long for a call, and with a hundred
calls at once that is most of the time that a fast judge takes (`benchmarks/bench_judges.py`).
"""

import os
from importlib.metadata import version

import aiohttp

from atlas_api.connections.proxies import UnusableProxy, proxy_for, without_password
from atlas_api.inputs.budgets import JUDGE_ANSWER, OverBudgetError
from atlas_api.text import escaped
from atlas_rewards.address import below, is_azure
from atlas_rewards.error_words import without_key
from atlas_rewards.http_body import ACCEPTED, UnreadableBodyError, read_body
from atlas_rewards.llm.chat_completion import CallFailed, Completion, read_completion, read_error
from atlas_rewards.llm.retries import retry_after

_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=None)
_ABOUT_THE_PROXY = (
    aiohttp.ClientHttpProxyError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientConnectorDNSError,
)
"""The last where there is a proxy: nobody else's name is looked up then."""

_CORRECT_PROXY = "correct it in the environment, or exempt the judge with no_proxy"


class Endpoint:
    """Connections to one address. Belongs to the event loop that first uses it."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._url = below(base_url, "/chat/completions")
        self._key = key
        self._proxy: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, body: bytes) -> Completion:
        """The completion that *body* asks for. Raises CallFailed; waits as long as it takes."""
        session = self._session = self._session or self._connect()
        try:
            async with session.post(self._url, data=body, allow_redirects=False) as response:
                content = await _body(response)
                if response.status == 200:  # noqa: PLR2004
                    return read_completion(content, self._key)
                raise read_error(response.status, content, retry_after(response.headers), self._key)
        except aiohttp.ClientError as error:
            raise CallFailed("unreachable", self._trouble(error)) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _connect(self) -> aiohttp.ClientSession:
        """Connections without a limit: `judging.concurrency` is the limit."""
        headers = {
            "Accept-Encoding": ACCEPTED,
            "Content-Type": "application/json",
            "User-Agent": f"atlas-core/{version('atlas-core')}",
        }
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
            if is_azure(self._url):  # some of its services read one header, some the other
                headers["api-key"] = self._key
        self._proxy = _proxy(self._url)  # by aiohttp's own trust_env it would read ~/.netrc, twice a call
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers=headers,
            timeout=_PATIENCE,
            proxy=self._proxy,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    def _trouble(self, error: aiohttp.ClientError) -> str:
        # As a whole these repeat the address that they are about, which may be the proxy's, with a password.
        if isinstance(error, aiohttp.InvalidURL):
            return "cannot be reached: baseUrl, or the proxy that the environment names, is no address; correct it"
        if isinstance(error, aiohttp.ClientConnectorError):
            trouble = _why(error.os_error)
        elif isinstance(error, aiohttp.ClientResponseError):
            trouble = f"{error.status}, {error.message}"
        else:
            trouble = str(error) or type(error).__name__
        trouble = escaped(without_key(trouble, self._key)[:200])
        if self._proxy is not None and isinstance(error, _ABOUT_THE_PROXY):
            return f"cannot be reached through the proxy {_named(self._proxy)}: {trouble}; {_CORRECT_PROXY}"
        cure = "; start it, or correct baseUrl" if isinstance(error, aiohttp.ClientConnectorError) else ""
        return f"cannot be reached: {trouble}{cure}"


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for *url*. Raises CallFailed for one that is no HTTP proxy."""
    try:
        return proxy_for(url, os.environ)
    except UnusableProxy as error:
        proxy = escaped(str(error)[:200])
        raise CallFailed("unreachable", f"cannot be reached through {proxy}; {_CORRECT_PROXY}") from None


def _named(proxy: str) -> str:
    """*proxy* without user and password."""
    return escaped(without_password(proxy)[:200])


def _why(error: OSError) -> str:
    """The cause of *error* in the system's words: those of asyncio repeat the address."""
    cause = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return cause or str(error)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    encoding = ", ".join(response.headers.getall("Content-Encoding", []))
    try:
        return await read_body(response.content.iter_any(), encoding, JUDGE_ANSWER)
    except (OverBudgetError, UnreadableBodyError) as unread:
        raise CallFailed(
            "malformed", f"answers {response.status} with a body that cannot be read: {unread}; check baseUrl"
        ) from None
