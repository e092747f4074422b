"""
A RewardService elsewhere, over HTTP: the same results as one in this process.

Used by trainings whose manifest names a service. Outages are waited out and then raised: a judge that cannot be reached
is never a zero.
"""

import asyncio
import time
from collections.abc import Sequence
from http import HTTPStatus

import httpx

from atlas_api.errors import AccessDenied, InvalidManifest, SourceUnreachable
from atlas_rewards.background_loop import BackgroundLoop
from atlas_rewards.item import Item
from atlas_rewards.result import ItemResult
from atlas_rewards.service.wire import ScoreResponse

BATCH = 64
"""Items in one request."""

PATIENCE_SECONDS = 600.0
"""How long an outage is waited out, for each request."""

REQUEST_SECONDS = 600.0
LONGEST_PAUSE_SECONDS = 30.0
_BUSY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


class RewardClient:
    """Asks the service at *url*, with the bearer *token* if it wants one. From any event loop and any thread."""

    def __init__(self, url: str, token: str | None = None, patience: float = PATIENCE_SECONDS) -> None:
        self.url = url.rstrip("/")
        self._patience = patience
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(headers=headers, timeout=REQUEST_SECONDS)
        self._loop = BackgroundLoop(self, self._http.aclose)

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order.

        Raises `SourceUnreachable` when the service stays away, `AccessDenied` when it refuses the token,
        `InvalidManifest` when something else answers at the address.
        """
        return await self._loop.awaited(self._all(items))

    def score_sync(self, items: Sequence[Item]) -> list[ItemResult]:
        """The same for callers without an event loop."""
        return self._loop.run(self._all(items))

    async def close(self) -> None:
        """Let go of the connections. What is being asked is given up."""
        await asyncio.to_thread(self._loop.stop)

    def close_sync(self) -> None:
        """The same for callers without an event loop."""
        self._loop.stop()

    async def _all(self, items: Sequence[Item]) -> list[ItemResult]:
        batches = [items[start : start + BATCH] for start in range(0, len(items), BATCH)]
        return [result for batch in batches for result in await self._score(batch)]

    async def _score(self, items: Sequence[Item]) -> tuple[ItemResult, ...]:
        answer = await self._post({"items": [body_of(item) for item in items]})
        if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise AccessDenied(f"the reward service at {self.url} refuses the token; check reward.serviceRef.tokenFrom")
        try:
            answer.raise_for_status()
            results = ScoreResponse.model_validate_json(answer.content).results
        except (httpx.HTTPStatusError, ValueError):
            said = f"{answer.status_code} {answer.text[:200]!r}"
            raise InvalidManifest(
                [f"spec.reward.serviceRef: {self.url} is no reward service: it says {said}"]
            ) from None
        if len(results) != len(items):
            raise SourceUnreachable(f"the reward service at {self.url} answered {len(results)} of {len(items)} items")
        return results

    async def _post(self, body: object) -> httpx.Response:
        """The answer, once the service is neither away nor busy."""
        began, pause = time.monotonic(), 0.5
        while True:
            try:
                answer = await self._http.post(f"{self.url}/v1/score", json=body)
                if answer.status_code not in _BUSY:
                    return answer
                problem, wanted = f"it says {answer.status_code}", answer.headers.get("Retry-After", "")
            except httpx.TransportError as error:
                problem, wanted = type(error).__name__, ""
            pause = min(float(wanted) if wanted.isdecimal() else pause * 2, LONGEST_PAUSE_SECONDS)
            if time.monotonic() - began + pause > self._patience:
                raise SourceUnreachable(
                    f"the reward service at {self.url} cannot be reached ({problem}); check that it is ready"
                )
            await asyncio.sleep(pause)


def body_of(item: Item) -> dict[str, object]:
    """An item as the service reads it; what is not known is left out."""
    known = {
        "completion": item.completion,
        "prompt": [dict(message) for message in item.prompt],
        "reference": item.reference,
        "baseline": item.baseline,
        "plan": item.plan,
        "teacherTrace": item.teacher_trace,
        "studentTrace": item.student_trace,
        "principles": item.principles,
        "metadata": dict(item.metadata),
    }
    return {name: value for name, value in known.items() if value is not None}
