"""
One OpenAI-compatible endpoint over HTTP. Used by `model_calls`; knows nothing about time-outs, retries or budgets.

It speaks the protocol itself, over aiohttp: the vendor's client takes ten times as long for a call, and with a hundred
calls at once that is most of the time that a fast judge takes (`benchmarks/bench_judges.py`).
"""

import os
from importlib.metadata import version
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from atlas_api.problems import printable
from atlas_rewards.judging.completion import CallFailed, Completion, read_completion, read_error
from atlas_rewards.judging.retries import retry_after

_LARGEST = 16 * 1024 * 1024
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=None)


class Endpoint:
    """Connections to one address. Belongs to the event loop that first uses it."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, body: bytes) -> Completion:
        """The completion that *body* asks for. Raises CallFailed; waits as long as it takes."""
        session = self._session = self._session or self._connect()
        try:
            async with session.post(self._url, data=body, allow_redirects=False) as response:
                content = await _bounded(response)
                if response.status == 200:  # noqa: PLR2004
                    return read_completion(content)
                raise read_error(response.status, self._without_key(content), retry_after(response.headers))
        except aiohttp.ClientError as error:
            raise CallFailed("unreachable", self._trouble(error)) from None

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _connect(self) -> aiohttp.ClientSession:
        """Connections without a limit: `judging.concurrency` is the limit."""
        headers = {"Content-Type": "application/json", "User-Agent": f"atlas-core/{version('atlas-core')}"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers=headers,
            timeout=_PATIENCE,
            proxy=_proxy(self._url),  # by aiohttp's own trust_env it would read ~/.netrc, twice a call
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    def _trouble(self, error: aiohttp.ClientError) -> str:
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"cannot be reached: {_why(error.os_error)}; start it, or correct baseUrl"
        said = self._without_key((str(error) or type(error).__name__).encode()).decode()
        return f"cannot be reached: {printable(said[:200])}"

    def _without_key(self, said: bytes) -> bytes:
        """What the endpoint or the network says, in case that it repeats the key."""
        return said.replace(self._key.encode(), b"***") if self._key else said


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for *url*."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _why(error: OSError) -> str:
    """In the system's words: those of asyncio repeat the address."""
    known = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return printable((known or str(error))[:200])


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > _LARGEST:
            raise CallFailed("malformed", f"answers more than {_LARGEST} bytes")
    return b"".join(chunks)
