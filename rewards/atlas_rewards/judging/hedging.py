"""A second request when the first one takes long. Used by `calls`; knows nothing about what is requested."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


async def hedged(
    first: Callable[[], Awaitable[T]], second: Callable[[], Awaitable[T]], after: float | None, sleep: Sleep
) -> T:
    """
    What *first* gives, or *second*, which starts when that took longer than *after* seconds; None: it never does.

    The first good answer counts and the other is cancelled. Raises what *first* raised when neither gives one.
    """
    if after is None:
        return await first()
    one = asyncio.ensure_future(first())
    timer = asyncio.ensure_future(sleep(after))
    started: list[asyncio.Future[T]] = [one]
    try:
        await asyncio.wait({one, timer}, return_when=asyncio.FIRST_COMPLETED)
        if one.done():
            return one.result()
        started.append(asyncio.ensure_future(second()))
        return await _first_good(started)
    finally:
        await _cancel(timer, *started)


async def _first_good(started: list[asyncio.Future[T]]) -> T:
    waiting = set(started)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for future in started:
            if future in done and future.exception() is None:
                return future.result()
    return started[0].result()


async def _cancel(*futures: asyncio.Future[T] | asyncio.Future[None]) -> None:
    """Leave nothing running behind; what still fails meanwhile is of no interest."""
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
