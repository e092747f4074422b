"""
Client of a RewardService elsewhere, over HTTP: the same results as a scorer in this process.

Outages are waited out and then raised: a judge that cannot be reached is never a zero.
"""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx

from atlas_api.connections.proxies import UnusableProxy, proxy_for
from atlas_api.errors import AccessDenied, InvalidManifest, JudgeRefused, SourceUnreachable
from atlas_api.scoring import ItemResult, JudgesAnswer, ScoreResponse
from atlas_api.text import one_line
from atlas_rewards.background_loop import BackgroundLoop
from atlas_rewards.client.batching import Batch, batches, halves, positions
from atlas_rewards.client.service_address import check_address
from atlas_rewards.client.service_answer import ServiceAnswer, ask_service
from atlas_rewards.client.service_settings import SLACK_SECONDS, ServiceSettings, read_settings
from atlas_rewards.http_body import ACCEPTED
from atlas_rewards.item import Item
from atlas_rewards.llm.retries import retry_after
from atlas_rewards.wire import request_bytes

AT_ONCE = 8
"""Requests in flight, so that all replicas of a service work: together 512 items, a large batch of a training, and a
quarter of the `limits.waitingItems` that a service has when nothing is said."""

_SHOWN = 400
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 30.0
_AGAIN = {
    HTTPStatus.REQUEST_TIMEOUT: "got the request too slowly",
    HTTPStatus.TOO_MANY_REQUESTS: "is too busy; raise its limits.waitingItems, or run more replicas",
    HTTPStatus.INTERNAL_SERVER_ERROR: "failed internally; see its log",
    HTTPStatus.BAD_GATEWAY: "cannot be reached; check that it is ready",
    HTTPStatus.SERVICE_UNAVAILABLE: "cannot be reached; check that it is ready",
    HTTPStatus.GATEWAY_TIMEOUT: "cannot be reached; check that it is ready",
}
"""What may pass, and what to say when it does not."""

_log = logging.getLogger(__name__)


class RewardClient:
    """Asks the service at *url*, with the bearer *token* if it wants one. From any event loop and any thread."""

    def __init__(self, url: str, token: str | None = None, patience: float | None = None) -> None:
        """*patience*: seconds for which an outage is waited out. Raises `InvalidManifest` for a *url* that is none."""
        check_address(url)
        try:
            httpx.URL(url)
        except httpx.InvalidURL as error:  # names in foreign letters that no domain can have
            raise InvalidManifest([f"spec.reward.serviceRef.url: {error}"]) from None
        self.url = url.rstrip("/")
        self._token = token
        self._patience = patience
        access = {"Authorization": f"Bearer {token}"} if token else {}
        spoken = {"Content-Type": "application/json", "Accept-Encoding": ACCEPTED}
        self._http = _connections(self.url, {**spoken, **access})
        self._loop = BackgroundLoop(self, self._http.aclose)

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order.

        Raises `SourceUnreachable` when the service stays away, `AccessDenied` when it refuses the token,
        `InvalidManifest` when something else answers at the address.
        """
        return await self._loop.awaited(self._scored(items))

    def score_sync(self, items: Sequence[Item]) -> list[ItemResult]:
        """`score` for programs without an event loop."""
        return self._loop.run(self._scored(items))

    async def check(self) -> None:
        """Look whether the service's judges refuse to be asked at all. One that is away or busy is no mistake.

        Raises `JudgeRefused` with the words of their endpoints, `AccessDenied` when the service refuses the token.
        """
        await self._loop.awaited(self._checked())

    async def close(self) -> None:
        """Let go of the connections. What is being asked is given up."""
        await asyncio.to_thread(self._loop.stop)

    def close_sync(self) -> None:
        """`close` for programs without an event loop."""
        self._loop.stop()

    async def _scored(self, items: Sequence[Item]) -> list[ItemResult]:
        if not items:
            return []
        settings = await self._settings()
        outage, slots = self._outage(settings), asyncio.Semaphore(AT_ONCE)
        results: dict[int, ItemResult] = {}

        async def ask(batch: Batch) -> None:
            places = positions(batch)
            async with slots:
                answer = await self._post([items[place] for place in places], settings, outage)
            too_large = answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or answer.unread
            if too_large and len(places) > 1:
                _warn_of_parts(batch)
                for half in halves(batch):
                    asking.create_task(ask(half))
            else:
                results.update(zip(places, self._results(answer, len(places)), strict=True))

        try:
            async with asyncio.TaskGroup() as asking:
                for batch in batches(items, settings.items):
                    asking.create_task(ask(batch))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [results[place] for place in range(len(items))]

    async def _settings(self) -> ServiceSettings:
        """The service's settings, asked for each time: it takes new ones without a restart."""
        usual = ServiceSettings()
        answer = await self._exchange("GET", "/v1/config", None, usual, self._outage(usual))
        return read_settings(answer.body)

    async def _checked(self) -> None:
        try:
            ready = await ask_service(self._http, "GET", f"{self.url}/readyz", None, SLACK_SECONDS)
            if ready.status != HTTPStatus.SERVICE_UNAVAILABLE:
                return
            answer = await ask_service(self._http, "GET", f"{self.url}/v1/judges", None, SLACK_SECONDS)
            self._check_access(answer)
            told = JudgesAnswer.model_validate_json(answer.body)
        except (httpx.RequestError, TimeoutError, ValueError):
            return  # whoever scores waits for it, or says what is wrong with it
        refusing = [judge.name for judge in told.judges if judge.state == "Failing" and judge.reason == "refused"]
        if refusing:
            words = told.problem or f"the endpoint of {', '.join(refusing)} refuses to answer"
            raise JudgeRefused(f"the reward service at {self.url}: {one_line(words, _SHOWN)}")

    def _outage(self, settings: ServiceSettings) -> "_Outage":
        return _Outage(settings.patience_seconds if self._patience is None else self._patience)

    async def _post(self, items: Sequence[Item], settings: ServiceSettings, outage: "_Outage") -> ServiceAnswer:
        return await self._exchange("POST", "/v1/score", request_bytes(items), settings, outage)

    def _results(self, answer: ServiceAnswer, count: int) -> tuple[ItemResult, ...]:
        self._check_access(answer)
        said = answer.words(self._token)
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            reason = f"too large for the reward service, which says {said}; raise its limits.bodyBytes"
            return (ItemResult(None, reasons=(reason,)),)
        try:
            results = ScoreResponse.model_validate_json(answer.body).results if answer.status == HTTPStatus.OK else None
        except ValueError:
            results = None
        if results is None:
            raise self._stranger(f"it says {said}")
        if len(results) != count:
            raise SourceUnreachable(f"the reward service at {self.url} answered {len(results)} of {count} items")
        if any(result.score is not None and not 0 <= result.score <= 1 for result in results):
            raise self._stranger("it gives scores outside 0 to 1")
        return results

    def _check_access(self, answer: ServiceAnswer) -> None:
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise AccessDenied(
                f"the reward service at {self.url} refuses the token (it says {answer.words(self._token)});"
                " check reward.serviceRef.tokenFrom"
            )

    def _stranger(self, why: str) -> InvalidManifest:
        return InvalidManifest([f"spec.reward.serviceRef: {self.url} is no reward service: {why}; correct the address"])

    async def _exchange(
        self, method: str, path: str, body: bytes | None, settings: ServiceSettings, outage: "_Outage"
    ) -> ServiceAnswer:
        """The answer, once the service is neither away nor busy."""
        seconds = SLACK_SECONDS if body is None else settings.answer_seconds
        pause = 0.5
        while True:
            try:
                answer = await ask_service(self._http, method, f"{self.url}{path}", body, seconds)
                if answer.status not in _AGAIN:
                    outage.ended()
                    return answer
                problem = f"{_AGAIN[HTTPStatus(answer.status)]} (it says {answer.words(self._token)})"
                wanted = retry_after(answer.headers)
            except (httpx.RequestError, TimeoutError) as error:
                problem, wanted = f"cannot be reached; check that it is ready ({type(error).__name__})", None
            wait = min(max(pause if wanted is None else wanted, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
            if outage.lasts_too_long(wait):
                raise SourceUnreachable(f"the reward service at {self.url} {problem}")
            await asyncio.sleep(wait)
            pause *= 2


def _connections(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    """Connections to *url*, through the proxy that the environment names for it. httpx alone reads NO_PROXY otherwise.

    Raises InvalidManifest for a proxy that is no HTTP proxy.
    """
    try:
        proxy = proxy_for(url, os.environ)
    except UnusableProxy as error:
        cure = "correct it in the environment, or exempt the service by NO_PROXY"
        raise InvalidManifest([f"spec.reward.serviceRef: would be reached through {error}; {cure}"]) from None
    # What else httpx reads from the environment: certificates, which stay, and ~/.netrc.
    return httpx.AsyncClient(headers=headers, proxy=proxy, verify=httpx.create_ssl_context(), trust_env=False)


class _Outage:
    """How long the service fails already, for all requests of a call: while it answers one, it is not away."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: float | None = None

    def ended(self) -> None:
        """A request was answered."""
        self._since = None

    def lasts_too_long(self, wait: float) -> bool:
        """A request failed: whether *wait* more seconds are too many."""
        now = time.monotonic()
        self._since = self._since or now
        return now - self._since + wait > self._patience


def _warn_of_parts(batch: Batch) -> None:
    if len(batch) == 1:
        _log.warning(
            "%d completions of a prompt are more than the reward service takes at once; judges in group mode"
            " compare parts of them. Raise its limits.items",
            len(batch[0]),
        )
