"""`POST /v1/score`: from a request to one result an item, whatever is in the items."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from atlas_api.scoring import ItemResult
from atlas_rewards.item import Item
from atlas_rewards.server.generation import Generation, Generations
from atlas_rewards.server.http.admission import Admission
from atlas_rewards.server.http.auth import authenticate
from atlas_rewards.server.http.body import Bodies
from atlas_rewards.server.http.disconnect import while_connected
from atlas_rewards.server.http.http_protocol import CROWDED
from atlas_rewards.server.http.request_error import RequestError
from atlas_rewards.server.metrics import Metrics
from atlas_rewards.server.score_source import ScoreSource
from atlas_rewards.wire import NotARequest, items_in, read_item, response_bytes

GRACE_SECONDS = 10.0
"""Seconds beyond `timeouts.totalSeconds`, which the judges keep by themselves."""

_log = logging.getLogger(__name__)


class ScoringEndpoint:
    """Takes requests while it is `open`."""

    def __init__(self, generations: Generations, admission: Admission, metrics: Metrics) -> None:
        self.open = True
        self.requests = 0
        """Requests taken and not yet answered."""

        self._generations = generations
        self._admission = admission
        self._metrics = metrics
        self._bodies = Bodies()

    async def __call__(self, request: Request) -> Response:
        """The answer to *request*. Raises RequestError."""
        authenticate(request, self._generations.newest.token)
        if not self.open:
            raise RequestError(503, "shuttingDown", "this process shuts down; send the request to another one", 1)
        if request.scope.get("state", {}).get(CROWDED):
            raise RequestError(
                429,
                "busy",
                "no more connections can be had; send this request again later",
                self._admission.retry_after,
            )
        self.requests += 1
        try:
            return await self._answer(request)
        finally:
            self.requests -= 1

    async def _answer(self, request: Request) -> Response:
        began = time.monotonic()
        limits = self._generations.newest.spec.limits
        self._admission.check(1, limits.waiting_items)
        async with self._bodies.read(request, limits.body_bytes, limits.items) as document:
            documents = _items(document, limits.items)
            with self._admission.take(len(documents), limits.waiting_items):
                generation = self._generations.newest
                read = [read_item(one, index) for index, one in enumerate(documents)]
                items = [one for one in read if isinstance(one, Item)]
                with generation.used() as source:
                    scored = await while_connected(request, _score(source, items, generation))
                    revision = source.revision
                seconds = time.monotonic() - began
                self._admission.answered(seconds)
        generation.judges.record(scored)
        self._metrics.scored(seconds, scored, len(read) - len(items))
        order = iter(scored)
        results = [next(order) if isinstance(one, Item) else replace(one, revision=revision) for one in read]
        return Response(response_bytes(revision, results), media_type="application/json")


def _items(document: object, limit: int) -> list[object]:
    try:
        items = items_in(document)
    except NotARequest as problem:
        raise RequestError(400, "notARequest", str(problem)) from None
    if len(items) > limit:
        raise RequestError(413, "tooManyItems", f"{len(items)} items are more than {limit}; split the request")
    return items


async def _score(source: ScoreSource, items: Sequence[Item], generation: Generation) -> list[ItemResult]:
    """One result an item, also when the judges themselves have a mistake."""
    deadline = time.monotonic() + generation.spec.timeouts.total_seconds + GRACE_SECONDS
    try:
        return await _score_until(deadline, source, items) if items else []
    except Exception:
        _log.exception("%d items could not be scored together", len(items))
        return list(await asyncio.gather(*(_score_alone(deadline, source, item) for item in items)))


async def _score_alone(deadline: float, source: ScoreSource, item: Item) -> ItemResult:
    """The result of *item*, or which mistake scoring it meets."""
    try:
        (result,) = await _score_until(deadline, source, [item])
    except Exception as error:
        _log.exception("an item could not be scored")
        return _nothing(f"scoring it failed with {_kind(error)}; the service's log says more", source)
    return result


async def _score_until(deadline: float, source: ScoreSource, items: Sequence[Item]) -> list[ItemResult]:
    try:
        async with asyncio.timeout_at(deadline):
            return await source.score(items)
    except TimeoutError:
        return [_nothing("deadline: no result in time", source)] * len(items)


def _kind(error: BaseException) -> str:
    """The type of *error*; of a group that of its first error."""
    return _kind(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else type(error).__name__


def _nothing(reason: str, source: ScoreSource) -> ItemResult:
    return ItemResult(None, reasons=(reason,), revision=source.revision)
