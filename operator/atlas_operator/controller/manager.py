"""The running operator: watches and resync fill the queue, workers empty it, and all of it ends in order.

`main` makes and runs it. What happens to a training is decided in `reconcile`, to a reward service in
`rewards_reconcile`.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from atlas_operator.cluster.api import ApiError, Unreachable
from atlas_operator.cluster.client import Cluster, Stale
from atlas_operator.cluster.fields import holds
from atlas_operator.cluster.observed import Document, Key, Kind
from atlas_operator.controller.kopf_source import Sink
from atlas_operator.controller.leader import Leadership
from atlas_operator.controller.logs import about, subject
from atlas_operator.controller.metrics import Metrics
from atlas_operator.controller.watch import Watches
from atlas_operator.controller.watch_health import Pulse
from atlas_operator.controller.workqueue import WorkQueue
from atlas_operator.rewardservice.dependents import Waiting
from atlas_operator.rewardservice.reconcile import reconcile_rewards
from atlas_operator.settings import Settings
from atlas_operator.training.reconcile import reconcile

_RESYNC = 600.0
_SPREAD = 60.0
_OLDEST = 120.0
_GRACE = 10.0
_LEASE_LOOK = 0.5
_STALE_PAUSE = 0.1

_RECONCILE: dict[Kind, Callable[[Cluster, Key, Settings, datetime], Awaitable[float | None]]] = {
    "AtlasTraining": reconcile,
    "RewardService": reconcile_rewards,
}

_log = logging.getLogger(__name__)


class Operation:
    """One operator process. Made on the event loop that it runs on."""

    def __init__(self, cluster: Cluster, settings: Settings, metrics: Metrics, leadership: Leadership | None) -> None:
        self._cluster = cluster
        self._settings = settings
        self._metrics = metrics
        self._leadership = leadership
        self._pulse = Pulse()
        self._waiting = Waiting()
        self._queue: WorkQueue[Key] = WorkQueue()
        self._watches = Watches(cluster, settings.namespaces, Sink(self._changed, self._gone), self._pulse)
        metrics.queue(lambda: self._queue.depth, lambda: self._queue.age)

    def problem(self) -> str:
        """Why the operator is not ready, in one sentence; empty when it is."""
        if text := self._pulse.problem():
            return text
        if self._leads() and self._queue.age > _OLDEST:
            return f"an object has waited for {self._queue.age:.0f} s; the workers are stuck or too few"
        return ""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set, then finish what is being worked on, within 10 s.

        Raises what ended a part of the operator that never ends.
        """
        parts = [self._watches.run(), self._resync()]
        if self._leadership is not None:
            parts.append(self._leadership.run())
        background = [asyncio.create_task(part) for part in parts]
        working = asyncio.create_task(self._work(stop))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([stopped, working, *background], return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        await self._end(working, background)

    async def _end(self, working: asyncio.Task[None], background: list[asyncio.Task[None]]) -> None:
        self._queue.stop()
        ended = [part for part in (working, *background) if part.done()]
        # The lease is kept until the last write is done.
        watches, resync, *lease = background
        watches.cancel()
        resync.cancel()
        await asyncio.wait([working, watches, resync], timeout=_GRACE)
        for task in (working, *lease):
            task.cancel()
        await asyncio.wait([working, *background], timeout=1.0)
        if self._leadership is not None:
            await self._leadership.release()
        for part in ended:
            part.result()

    async def _work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if not self._leads():
                await asyncio.sleep(_LEASE_LOOK)
                continue
            async with asyncio.TaskGroup() as group:
                working = group.create_task(self._queue.run(self._look, self._settings.workers))
                while not working.done() and self._leads():
                    await asyncio.wait({working}, timeout=_LEASE_LOOK)
                self._queue.stop()

    async def _look(self, key: Key) -> float | None:
        began = time.perf_counter()
        result = "error"
        try:
            with about(**subject(key)):
                again = await _RECONCILE[key.kind](self._cluster, key, self._settings, datetime.now(UTC))
            result = "ok"
            return again
        except Stale:
            result = "stale"
            return _STALE_PAUSE
        finally:
            self._metrics.reconciled(result, time.perf_counter() - began)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(_RESYNC * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load
            with suppress(ApiError, Unreachable):
                keys = [
                    key
                    for where in self._settings.namespaces or (None,)
                    for kind in self._watches.parents
                    for key in await self._cluster.keys(where, kind)
                ]
                self._metrics.only(keys)
                for key in keys:
                    self._queue.add_after(key, random.uniform(0, _SPREAD))  # noqa: S311 - spreads load

    def _changed(self, key: Key, document: Document | None) -> None:
        if document is not None and key.kind == "AtlasTraining":
            self._metrics.training(key, document.get("status", {}).get("phase") or "Pending")
            self._waiting.seen(key, document)
        elif document is not None:
            state = next((each for each in ("Ready", "Stalled") if holds(document, each)), "Reconciling")
            self._metrics.service(key, state)
            for training in self._waiting.woken_by(key, document):
                self._queue.add(training)
        self._queue.add(key)

    def _gone(self, key: Key) -> None:
        self._metrics.training(key, None)
        self._metrics.service(key, None)
        self._waiting.gone(key)
        self._queue.forget(key)

    def _leads(self) -> bool:
        return self._leadership is None or self._leadership.holds()
