"""
Threads for checks. Each check has a deadline; one that hangs keeps its thread and nothing else.

A thread cannot be ended from outside. So a check that takes long loses its place to the next one, one that misses its
deadline is given up with its thread, and the end of the process waits for nobody. Knows nothing of what is checked.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

AT_ONCE = min(32, (os.cpu_count() or 1) + 4)
"""Checks that run at the same time, slow ones aside."""

MOST = 128
"""Checks that run at the same time, slow ones and those that were given up included."""

SLOW_SECONDS = 10.0
"""Seconds after which a check no longer keeps others from running."""

_IDLE_SECONDS = 10.0

T = TypeVar("T")


class CheckLost(Exception):
    """A check gave nothing. The message is one line that says why."""


class CheckThreads:
    """Threads of one event loop. They need no closing: idle ones end by themselves."""

    def __init__(self, at_once: int = AT_ONCE, most: int = MOST, slow_seconds: float = SLOW_SECONDS) -> None:
        self._slow_seconds = slow_seconds
        self._slots = asyncio.Semaphore(at_once)
        self._running = asyncio.Semaphore(most)
        self._threads = _Threads()

    async def run(self, check: Callable[[], T], deadline: float) -> T:
        """What *check* gives. Raises CheckLost, at *deadline* at the latest: a moment of `time.monotonic`."""
        started = False
        try:
            async with asyncio.timeout_at(deadline):
                async with self._slots:
                    await self._running.acquire()
                    started = True
                    done = self._start(check)
                    await asyncio.wait({done}, timeout=self._slow_seconds)
                return await asyncio.shield(done)
        except TimeoutError:
            raise CheckLost(
                "deadline: was not done in time" if started else "deadline: was not begun in time"
            ) from None

    def _start(self, check: Callable[[], T]) -> asyncio.Future[T]:
        try:
            done = asyncio.wrap_future(self._threads.submit(check))
        except RuntimeError:
            self._running.release()
            raise CheckLost("no further thread can be started on this machine") from None
        done.add_done_callback(self._ended)
        return done

    def _ended(self, done: asyncio.Future[T]) -> None:
        self._running.release()
        if not done.cancelled():
            # Taken note of: asyncio would complain about an error that nobody waited for.
            done.exception()


class _Threads:
    """Threads, as many as there is work for. Daemons, which the end of the process does not wait for."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """Raises RuntimeError where the machine gives no thread."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            if has_idle := self._idle > 0:
                self._idle -= 1
                self._jobs.put((work, future))
        if not has_idle:
            threading.Thread(target=self._live, args=(work, future), name="check", daemon=True).start()
        return future

    def _live(self, work: Callable[[], Any], future: Future[Any]) -> None:
        self._work(work, future)
        while True:
            with suppress(Empty):
                self._work(*self._jobs.get(timeout=_IDLE_SECONDS))
                continue
            with self._lock:
                if self._jobs.empty():
                    self._idle -= 1
                    return

    def _work(self, work: Callable[[], Any], future: Future[Any]) -> None:
        result: Any = None
        error: Exception | None = None
        try:
            result = work()
        except Exception as caught:
            error = caught
        except BaseException as caught:
            # Raised again in the event loop, it would end the process.
            error = CheckLost(f"ended its thread with {type(caught).__name__}")
        with self._lock:
            self._idle += 1
        # Last, so that whoever waits finds this thread idle.
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
