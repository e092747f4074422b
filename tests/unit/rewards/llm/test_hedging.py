"""A second request when the first takes long."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from atlas_rewards.llm.hedging import hedged


class Request:
    """A request that ends when told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun.set()
        return await self.end

    @property
    def cancelled(self) -> bool:
        return self.end.cancelled()


async def at_once(seconds: float) -> None:
    """A sleep that is over at once."""


async def for_ever(seconds: float) -> None:
    """A sleep that never ends."""
    await asyncio.Event().wait()


def run(story: Callable[[Request, Request], Awaitable[None]]) -> None:
    async def live() -> None:
        await story(Request(), Request())

    asyncio.run(live())


def test_without_a_delay_there_is_one_request() -> None:
    async def story(first: Request, second: Request) -> None:
        first.end.set_result("first")
        assert await hedged(first, second, None, at_once, asyncio.Lock()) == "first"
        assert not second.begun.is_set()

    run(story)


def test_a_fast_answer_needs_no_second_request() -> None:
    async def story(first: Request, second: Request) -> None:
        first.end.set_result("first")
        assert await hedged(first, second, 1.0, for_ever, asyncio.Lock()) == "first"
        assert not second.begun.is_set()

    run(story)


@pytest.mark.parametrize("winner", ["first", "second"])
def test_the_first_answer_counts_and_the_other_request_is_cancelled(winner: str) -> None:
    async def story(first: Request, second: Request) -> None:
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, asyncio.Lock()))
        await second.begun.wait()
        (first if winner == "first" else second).end.set_result(winner)
        assert await task == winner
        assert (second if winner == "first" else first).cancelled

    run(story)


@pytest.mark.parametrize("good", ["first", "second"])
def test_one_failure_waits_for_the_other_request(good: str) -> None:
    async def story(first: Request, second: Request) -> None:
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, asyncio.Lock()))
        await second.begun.wait()
        (second if good == "first" else first).end.set_exception(ValueError("bad"))
        await asyncio.sleep(0)
        (first if good == "first" else second).end.set_result(good)
        assert await task == good

    run(story)


def test_when_both_fail_the_first_failure_is_told() -> None:
    async def story(first: Request, second: Request) -> None:
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, asyncio.Lock()))
        await second.begun.wait()
        second.end.set_exception(ValueError("second"))
        first.end.set_exception(ValueError("first"))
        with pytest.raises(ValueError, match="first"):
            await task

    run(story)


def test_a_failure_before_the_delay_is_told_at_once() -> None:
    async def story(first: Request, second: Request) -> None:
        first.end.set_exception(ValueError("first"))
        with pytest.raises(ValueError, match="first"):
            await hedged(first, second, 1.0, for_ever, asyncio.Lock())
        assert not second.begun.is_set()

    run(story)


def test_giving_up_cancels_both() -> None:
    async def story(first: Request, second: Request) -> None:
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, asyncio.Lock()))
        await second.begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert first.cancelled
        assert second.cancelled

    run(story)


def test_a_first_request_that_fails_does_not_wait_for_one_that_waits_for_its_place() -> None:
    async def story(first: Request, second: Request) -> None:
        place = asyncio.Semaphore(0)
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, place))
        await first.begun.wait()
        first.end.set_exception(ValueError("first"))
        with pytest.raises(ValueError, match="first"):
            await task
        assert not second.begun.is_set()

    run(story)


def test_an_answer_ends_the_wait_for_a_place_and_takes_none() -> None:
    async def story(first: Request, second: Request) -> None:
        place = asyncio.Semaphore(0)
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, place))
        await first.begun.wait()
        await asyncio.sleep(0)
        first.end.set_result("first")
        place.release()  # in the same moment
        assert await task == "first"
        async with asyncio.timeout(10):
            await place.acquire()

    run(story)


@pytest.mark.parametrize("ends", ["answer", "failure", "cancelled"])
def test_the_place_of_the_second_request_is_given_back(ends: str) -> None:
    async def story(first: Request, second: Request) -> None:
        place = asyncio.Semaphore(1)
        task = asyncio.ensure_future(hedged(first, second, 1.0, at_once, place))
        await second.begun.wait()
        assert place.locked()
        if ends == "answer":
            first.end.set_result("first")
        elif ends == "failure":
            first.end.set_exception(ValueError("first"))
            second.end.set_exception(ValueError("second"))
        else:
            task.cancel()
        await asyncio.wait({task})
        assert not place.locked()
        assert task.cancelled() or task.exception() or task.result()

    run(story)
