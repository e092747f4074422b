"""
An event loop in a thread of its own: for programs that have none, and for work that several threads and loops share.

It ends when it is stopped, when its owner is no longer used, or with the program: connections are closed in every case.
Knows nothing of scoring.
"""

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_LONGEST_END = 10.0


class BackgroundLoop:
    """Runs coroutines for threads that wait for them."""

    def __init__(self, owner: object, finish: Callable[[], Awaitable[None]]) -> None:
        """*finish* is awaited in the loop at its end; it must not refer to *owner*, which would then always be used."""
        self._loop = asyncio.new_event_loop()
        self._gate = threading.Lock()
        thread = threading.Thread(target=_run, args=(self._loop, self._gate, finish), name="rewards", daemon=True)
        thread.start()
        self.stop = weakref.finalize(owner, _stop, self._loop, thread)
        """Ends the loop, once. What still runs in it is cancelled."""

    async def awaited(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What *coroutine* returns or raises, for another event loop, which goes on with its work meanwhile."""
        return await asyncio.wrap_future(self._begun(coroutine))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What *coroutine* returns or raises. From any thread but the loop's own."""
        return self._begun(coroutine).result()

    def _begun(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        with self._gate:
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


def _run(loop: asyncio.AbstractEventLoop, gate: threading.Lock, finish: Callable[[], Awaitable[None]]) -> None:
    loop.run_forever()
    loop.run_until_complete(_cancel_others())
    loop.run_until_complete(finish())
    # What came while the connections were closed. The next one finds the loop closed, and waits for nothing.
    with gate:
        loop.run_until_complete(_cancel_others())
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    # The owner may be forgotten anywhere: in that thread, or in one that holds a lock which that thread needs.
    if threading.current_thread() is not thread:
        thread.join(_LONGEST_END)
