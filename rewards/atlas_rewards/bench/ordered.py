"""Much work, a few pieces at a time, results in the order of the pieces. Knows neither files nor judges."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from math import ceil
from typing import TypeVar

from atlas_api.rewardservice.judging import Judging

_AHEAD = 16
"""Pieces that may be taken before the slowest one is done, as a multiple of those at work."""

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def items_at_once(judging: Judging) -> int:
    """Items at work that keep `concurrency` calls in flight. More would wait in vain, and their deadline runs."""
    return ceil(2 * judging.concurrency / (len(judging.judges) * len(judging.temperatures)))


async def ordered(
    work: Callable[[Piece], Awaitable[Result]], pieces: Iterable[Piece], at_once: int
) -> AsyncGenerator[tuple[Piece, Result], None]:
    """Each of *pieces* with its result, in their order; *at_once* of them are at work at any time.

    Raises what *work* raises; then, and when the caller stops early, what is at work is given up.
    """
    slots = asyncio.Semaphore(at_once)
    started: deque[tuple[Piece, asyncio.Task[Result]]] = deque()

    async def one(piece: Piece) -> Result:
        async with slots:
            return await work(piece)

    try:
        for piece in pieces:
            started.append((piece, asyncio.create_task(one(piece))))
            while started and (started[0][1].done() or len(started) >= at_once * _AHEAD):
                yield started[0][0], await started[0][1]
                started.popleft()
        while started:
            yield started[0][0], await started[0][1]
            started.popleft()
    finally:
        tasks = [task for _, task in started]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
