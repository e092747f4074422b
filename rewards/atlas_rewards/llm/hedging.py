"""Hedged requests: a second one when the first takes long. Knows nothing about what is requested."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


async def hedged(
    first: Callable[[], Awaitable[T]],
    second: Callable[[], Awaitable[T]],
    after: float | None,
    sleep: Sleep,
    place: AbstractAsyncContextManager[object],
) -> T:
    """
    What *first* gives, or *second*, which starts when that took longer than *after* seconds; None: it never does.

    *second* waits for its *place* and holds it. The first good answer counts and the other is cancelled. Raises what
    *first* raised when neither gives one, or when *second* has no place yet: it might wait for the very one that
    *first* has.
    """
    if after is None:
        return await first()
    begun = asyncio.Event()

    async def late() -> T:
        await sleep(after)
        async with place:
            begun.set()
            return await second()

    one, two = asyncio.ensure_future(first()), asyncio.ensure_future(late())
    try:
        return await _first_good(one, two, begun)
    finally:
        await _cancel(one, two)


async def _first_good(one: asyncio.Future[T], two: asyncio.Future[T], begun: asyncio.Event) -> T:
    waiting = {one, two}
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for future in (one, two):
            if future in done and future.exception() is None:
                return future.result()
        if one.done() and not begun.is_set():
            break
    return one.result()


async def _cancel(*futures: asyncio.Future[T]) -> None:
    """Leave nothing running behind; what still fails meanwhile is of no interest."""
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
