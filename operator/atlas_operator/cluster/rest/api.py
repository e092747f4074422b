"""One request to the API server: JSON in, JSON out, with time limit, retries and errors in words.

It knows HTTP and the API's conventions, no kind of object.
"""

import asyncio
import json
import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from kubernetes.aio.client.configuration import Configuration

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.rest import connection
from atlas_operator.cluster.rest.reachability import Reachability

Verb = Literal["get", "list", "create", "apply", "patch", "delete"]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"

_METHODS: dict[Verb, tuple[str, str]] = {
    "get": ("GET", "application/json"),
    "list": ("GET", "application/json"),
    "create": ("POST", "application/json"),
    "apply": ("PATCH", APPLY),
    "patch": ("PATCH", MERGE),
    "delete": ("DELETE", "application/json"),
}
_CONCURRENT = 32
_SECONDS = 30.0
_TRIES = 4
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 30.0
_CLOCKS_AGREE = timedelta(seconds=5)
"""Difference between two clocks that is not worth a word: the API server tells whole seconds."""

_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class ApiError(Exception):
    """The API server refused a request: `status` is the HTTP code, `reason` its CamelCase word, the text one line."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class Forbidden(ApiError):
    """The operator lacks a right; the text names it."""


class Unreachable(Exception):
    """The API server did not answer, several times in a row."""


class NotLeading(Exception):
    """Another replica holds the lease: nothing may be written."""


class _FencedBody(aiohttp.BytesPayload):
    """The body of a write, which leaves only while writing is allowed: that is asked after the last wait there is.

    A process may be stopped for minutes between any two lines, or while it waits for a connection. Headers without
    their body are no request, so nothing is written then.
    """

    def __init__(self, data: bytes, may_write: Callable[[], bool]) -> None:
        super().__init__(data)
        self._may_write = may_write

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not self._may_write():
            raise NotLeading("another replica holds the lease")
        await super().write_with_length(writer, content_length)


class Api:
    """Requests of one process to the API server. At most 32 run at the same time."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        count: Callable[[Verb, str], None] = lambda _verb, _code: None,
        may_write: Callable[[], bool] = lambda: True,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        """*count* gets verb and HTTP code (or `error`) of each answer; *may_write* is asked before each write.

        To be made on the event loop that it is used on. Raises `NoCluster`: certificates or proxy cannot be used.
        """
        self._configuration = configuration
        self._session = connection.session(configuration)
        self._reachability = Reachability(configuration.host)
        self._slots = asyncio.Semaphore(_CONCURRENT)
        self._count = count
        self._may_write = may_write
        self._sleep = sleep
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        """The time by the API server's clock, as its last answer told it.

        All times that are compared with it come from there, and the clock of this machine may be wrong by hours.
        """
        return datetime.now(UTC) + self._ahead

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def request(
        self, verb: Verb, path: str, body: Document | None = None, query: Mapping[str, str] | None = None
    ) -> Document:
        """The document that the API server answers with. Retries what may pass: 429, 5xx, broken connections, and
        conflicts of creates about something else than their name.

        Raises `Forbidden`: a right is missing.
        Raises `ApiError`: the API server refused.
        Raises `Unreachable`: no answer.
        Raises `NotLeading`: a write, and another replica holds the lease.
        """
        tries = 1
        while True:
            if verb not in ("get", "list") and not self._may_write():
                raise NotLeading("another replica holds the lease")
            try:
                return await self._once(verb, path, body, query)
            except ApiError as error:
                if tries >= _TRIES or not await self._may_pass(error, verb):
                    raise
                delay = error.retry_after
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # ValueError: a body that was cut
                self._count(verb, "error")
                self._reachability.failed(_words(error))
                if tries >= _TRIES:
                    raise Unreachable(f"the API server does not answer: {_words(error)}") from error
                delay = None
            await self._sleep(_delay(tries, delay))
            tries += 1

    def _set_clock(self, date: str) -> None:
        with suppress(ValueError, TypeError):
            ahead = parsedate_to_datetime(date) - datetime.now(UTC)
            self._ahead = ahead if abs(ahead) > _CLOCKS_AGREE else timedelta(0)

    async def _may_pass(self, error: ApiError, verb: Verb) -> bool:
        # Quotas are counted by who is first: a create that lost is no answer, unlike a name that is taken.
        if verb == "create" and error.status == HTTPStatus.CONFLICT and error.reason == "Conflict":
            return True
        if error.status == HTTPStatus.UNAUTHORIZED:
            # Programs that issue tokens, and kubeconfig files, are asked again only then.
            await connection.renew(self._configuration)
            return True
        return error.status in _BUSY or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    async def _once(self, verb: Verb, path: str, body: Document | None, query: Mapping[str, str] | None) -> Document:
        method, content_type = _METHODS[verb]
        async with self._slots:
            with self._reachability.asking():
                async with self._session.request(
                    method,
                    f"{self._configuration.host.rstrip('/')}{path}",
                    params=query,
                    data=None if body is None else _FencedBody(json.dumps(body).encode(), self._may_write),
                    headers={"Accept": "application/json", "Content-Type": content_type},
                    timeout=aiohttp.ClientTimeout(total=_SECONDS),
                    allow_redirects=False,
                ) as response:
                    text = await response.read()
        self._reachability.answered()
        self._count(verb, str(response.status))
        self._set_clock(response.headers.get("Date", ""))
        if response.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _error(verb, path, response.status, text, response.headers.get("Retry-After"))
        document: Document = json.loads(text)
        return document


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[Api]:
    """An `Api` for the cluster that `connection` finds, closed at the end. Options are those of `Api`.

    Raises `NoCluster`: there is nothing to connect to.
    """
    api = Api(await connection.find(), **options)
    try:
        yield api
    finally:
        await api.close()


def _delay(tries: int, asked: float | None) -> float:
    growing = _FIRST_DELAY * math.ldexp(random.uniform(0.5, 1), tries - 1)  # noqa: S311 - spreads load, protects nothing
    return min(_LONGEST_DELAY, max(growing, asked or 0.0))


def _error(verb: Verb, path: str, status: int, text: bytes, retry_after: str | None) -> ApiError:
    answer = _status(text)
    message = " ".join(str(answer.get("message") or HTTPStatus(status).phrase).split())
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
    reason = str(answer.get("reason") or "")
    # Quotas and namespaces that end answer 403 too, without this phrase.
    if status == HTTPStatus.FORBIDDEN and "cannot" in message and "is forbidden: User" in message:
        return Forbidden(status, reason, _missing_right(verb, path, answer.get("details") or {}))
    return ApiError(status, reason, message, seconds)


def _missing_right(verb: Verb, path: str, details: Document) -> str:
    resource = ".".join(part for part in (details.get("kind"), details.get("group")) if part)
    parts = path.split("/")
    where = f"namespace {parts[parts.index('namespaces') + 1]}" if "namespaces" in parts else "the cluster"
    subresource = "/status" if parts[-1] == "status" else ""
    right = "patch" if verb == "apply" else verb
    return f"the operator may not {right} {resource}{subresource} in {where}; add this right to its role"


def _status(text: bytes) -> Document:
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text.decode(errors="replace")[:500]}
    return answer if isinstance(answer, dict) else {}


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
