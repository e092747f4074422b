"""Work queue, delaying and rate-limited as client-go's.

Keys come in from watches, timers and failures; workers take them, never two at once for one key. It does not know what
a reconciliation is.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic

from atlas_operator.controller.delaying_queue import DelayingQueue, K

Handler = Callable[[K], Awaitable[float | None]]
"""Function that works on a key and returns after how many seconds to look again, None for never.

When it raises, the key is tried again later, also where what it waited for was cancelled by somebody else.
"""

_log = logging.getLogger(__name__)


class WorkQueue(Generic[K]):
    """De-duplicated keys for N workers. All methods are called on one event loop, whose time is the queue's clock."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._delaying: DelayingQueue[K] = DelayingQueue()
        self._changed = asyncio.Event()
        self._stopping = False

    def add(self, key: K) -> None:
        """Work on *key* soon, at most once in `PACE` seconds.

        A key that waits already waits once; one that is being worked on gets another turn.
        """
        self._delaying.add(key, self._clock())
        self._changed.set()

    def add_after(self, key: K, seconds: float) -> None:
        """Work on *key* after *seconds*. A key has one such date, the earliest it was given."""
        self._delaying.add_at(key, self._clock() + seconds)
        self._changed.set()

    def retry(self, key: K) -> float:
        """Work on *key* after a delay that grows with every failure since `forget`; returns it, in seconds."""
        delay = self._delaying.retry(key, self._clock())
        self._changed.set()
        return delay

    def forget(self, key: K) -> None:
        """*key* works again: its next failure is its first."""
        self._delaying.forget(key)

    def drop(self, key: K) -> None:
        """*key* is no more: nobody looks at it again, unless it waits or is added."""
        self._delaying.drop(key)

    @property
    def depth(self) -> int:
        """Number of keys that wait for a worker."""
        return self._delaying.depth()

    @property
    def age(self) -> float:
        """Number of seconds for which the oldest key has waited."""
        return self._delaying.age(self._clock())

    async def run(self, handler: Handler[K], workers: int) -> None:
        """Work until `stop`; returns when the last key in work is finished. May be run again after that."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work(handler))
        finally:
            self._stopping = False

    def stop(self) -> None:
        """The present `run`, else the next one, takes no further key. Keys that wait stay for the run after it."""
        self._stopping = True
        self._changed.set()

    async def _work(self, handler: Handler[K]) -> None:
        while not self._stopping:
            key = self._delaying.take(self._clock())
            if key is None:
                await self._wait()
                continue
            try:
                await self._handle(handler, key)
            finally:
                self._delaying.done(key)
                self._changed.set()

    async def _handle(self, handler: Handler[K], key: K) -> None:
        try:
            seconds = await handler(key)
        except (Exception, asyncio.CancelledError):
            if (worker := asyncio.current_task()) and worker.cancelling():
                raise
            delay = self.retry(key)
            _log.exception("reconciliation failed; next try in %.3f s", delay, extra={"key": key})
        else:
            self.forget(key)
            if seconds is not None:
                self.add_after(key, seconds)

    async def _wait(self) -> None:
        date = self._delaying.next_date()
        self._changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if date is None else max(0.0, date - self._clock())):
                await self._changed.wait()
