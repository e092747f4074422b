"""The manager, after controller-runtime's: watches and resync fill the work queue, workers empty it, and all of it ends
in order. It knows no kind of object: what there is to know of one is in its `Controller`.
"""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from contextlib import suppress

from atlas_operator.cluster.client import ClusterClient, Stale
from atlas_operator.cluster.document import Document, Key
from atlas_operator.cluster.rest.api import ApiError, Unreachable
from atlas_operator.controller.controller import Controller
from atlas_operator.controller.delaying_queue import PACE
from atlas_operator.controller.kopf_source import Sink
from atlas_operator.controller.leader import Leadership
from atlas_operator.controller.logs import about, subject
from atlas_operator.controller.metrics import Metrics
from atlas_operator.controller.watch import Watches
from atlas_operator.controller.watch_health import WatchHealth
from atlas_operator.controller.workqueue import WorkQueue
from atlas_operator.settings import Settings

_RESYNC = 600.0
_SPREAD = 60.0
_OLDEST = 120.0
_GRACE = 10.0
_LEASE_LOOK = 0.5
_FAILING = 5.0
_TELL_EVERY = 1.0
_COMPARED_EVERY = 30.0
_OWN_PARTS = 4
"""Number of parts that end before the lease is given back."""

_log = logging.getLogger(__name__)


class Manager:
    """One operator process. Made on the event loop that it runs on."""

    def __init__(
        self,
        client: ClusterClient,
        controllers: Sequence[Controller],
        settings: Settings,
        metrics: Metrics,
        leadership: Leadership | None,
    ) -> None:
        self._client = client
        self._controllers = {controller.kind: controller for controller in controllers}
        self._settings = settings
        self._metrics = metrics
        self._leadership = leadership
        self._watch_health = WatchHealth()
        self._queue: WorkQueue[Key] = WorkQueue()
        sink = Sink(self._changed, self._gone)
        self._watches = Watches(client, controllers, settings.namespaces, sink, self._watch_health)
        metrics.queue(lambda: self._queue.depth, lambda: self._queue.age)

    def problem(self) -> str:
        """Why the operator is not ready, in one sentence; empty when it is."""
        if text := self._watch_health.problem() or self._client.schemas.problem():
            return text
        if self._leads() and self._queue.age > _OLDEST:
            return f"an object has waited for {self._queue.age:.0f} s; the workers are stuck or too few"
        return ""

    def deaf(self) -> str:
        """Why only a new process hears of changes again, in one sentence; empty when this one does."""
        return self._watch_health.deaf()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set, then finish what is being worked on, within 10 s.

        Raises what ended a part of the operator that never ends.
        """
        parts = [self._watches.run(), self._resync(), self._tell(), self._compare()]
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
        own, lease = background[:_OWN_PARTS], background[_OWN_PARTS:]
        for part in own:
            part.cancel()
        await asyncio.wait([working, *own], timeout=_GRACE)
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
                working = group.create_task(self._queue.run(self._reconcile, self._settings.workers))
                while not working.done() and self._leads():
                    await asyncio.wait({working}, timeout=_LEASE_LOOK)
                self._queue.stop()

    async def _reconcile(self, key: Key) -> float | None:
        began = time.perf_counter()
        result = "error"
        try:
            with about(**subject(key)):
                again = await self._controllers[key.kind].reconcile(key, self._client.now())
            result = "ok"
            return again
        except Stale:
            result = "stale"
            return PACE  # whoever changes an object in a loop makes every look stale
        finally:
            self._metrics.reconciled(result, time.perf_counter() - began)

    async def _resync(self) -> None:
        while True:
            await asyncio.sleep(_RESYNC * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load
            with suppress(ApiError, Unreachable):
                keys = [
                    key
                    for where in self._settings.namespaces or (None,)
                    for controller in self._watches.served
                    for key in await self._client.keys(controller.kind, where)
                ]
                for controller in self._controllers.values():
                    controller.states.keep(keys)
                for key in keys:
                    self._queue.add_after(key, random.uniform(0, _SPREAD))  # noqa: S311 - spreads load

    async def _compare(self) -> None:
        """Compare the CRDs with this version again and again: they are upgraded while it works."""
        while True:
            await self._compare_once()
            await asyncio.sleep(_COMPARED_EVERY)

    async def _compare_once(self) -> None:
        schemas = self._client.schemas
        before = schemas.missing, schemas.unknown
        with suppress(ApiError, Unreachable):
            await schemas.refresh()
        missing, unknown = after = schemas.missing, schemas.unknown
        self._metrics.definitions(missing, unknown)
        if after == before:
            return
        if text := schemas.problem():
            _log.warning("%s", text)
        for kind, fields in unknown.items():
            _log.warning("the CRD of %ss is newer than this operator, which lacks %s", kind, ", ".join(fields))
        if not missing and not unknown:
            _log.info("the CRDs are those of this version")

    async def _tell(self) -> None:
        """Say in the log that a watch fails, and that all of them work again."""
        said = False
        while True:
            failing = self._watch_health.failing(_FAILING)
            if failing and not said:
                _log.warning("%s; it is tried again and again", failing)
            elif said and not failing:
                _log.info("no watch fails any more")
            said = bool(failing)
            await asyncio.sleep(_TELL_EVERY)

    def _changed(self, key: Key, document: Document | None) -> None:
        if document is not None:
            controller = self._controllers[key.kind]
            controller.states.set(key, controller.state_of(document))
            for other in controller.wakes(key, document):
                self._queue.add(other)
        self._queue.add(key)

    def _gone(self, key: Key) -> None:
        controller = self._controllers[key.kind]
        controller.states.set(key, None)
        controller.forget(key)
        self._queue.drop(key)

    def _leads(self) -> bool:
        return self._leadership is None or self._leadership.holds()
