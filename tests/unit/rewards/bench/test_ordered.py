"""Much work, a few pieces at a time: order, limits, memory, ends."""

import asyncio
from collections.abc import Iterable, Iterator

import pytest
from support.judges.judge_configurations import judge, judging

from atlas_rewards.bench.ordered import items_at_once, ordered


async def collect(delays: Iterable[float], at_once: int) -> list[tuple[float, str]]:
    async def work(seconds: float) -> str:
        await asyncio.sleep(seconds)
        return f"{seconds}"

    return [done async for done in ordered(work, delays, at_once)]


def test_results_come_in_the_order_of_the_pieces() -> None:
    delays = [0.03, 0.0, 0.02, 0.0, 0.01]
    assert asyncio.run(collect(delays, 3)) == [(delay, f"{delay}") for delay in delays]


def test_nothing_to_do_is_fine() -> None:
    assert asyncio.run(collect([], 3)) == []


def test_no_more_than_allowed_are_at_work() -> None:
    async def measured() -> int:
        working = most = 0

        async def work(_: int) -> None:
            nonlocal working, most
            working += 1
            most = max(most, working)
            await asyncio.sleep(0)
            working -= 1

        async for _ in ordered(work, range(100), 7):
            pass
        return most

    assert asyncio.run(measured()) == 7


def test_pieces_are_taken_only_a_little_ahead_of_the_slowest() -> None:
    taken = 0

    def pieces() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    async def first() -> int:
        slow = asyncio.Event()

        async def work(piece: int) -> None:
            if piece == 1:
                await slow.wait()

        results = ordered(work, pieces(), 2)
        waiting = asyncio.ensure_future(anext(results))
        for _ in range(500):
            await asyncio.sleep(0)
        held = taken
        slow.set()
        await waiting
        await results.aclose()
        return held

    assert asyncio.run(first()) < 100


def test_what_is_at_work_is_given_up_when_one_fails() -> None:
    given_up: list[int] = []

    async def work(piece: int) -> None:
        if piece == 0:
            await asyncio.sleep(0.01)
            raise ValueError("no")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            given_up.append(piece)
            raise

    async def collected() -> None:
        async for _ in ordered(work, range(4), 4):
            pass

    with pytest.raises(ValueError, match="no"):
        asyncio.run(collected())
    assert given_up == [1, 2, 3]


def test_items_at_work_fill_the_calls_in_flight() -> None:
    four = tuple(judge(name) for name in ("accuracy", "helpfulness", "process", "diagnostic"))
    assert items_at_once(judging(judges=four, concurrency=64)) == 11
    assert items_at_once(judging(judges=four, concurrency=1)) == 1
