"""Identical questions at the same time share one answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from atlas_rewards.llm.single_flight import DeadlineExceeded, Flight, SingleFlight

LATER = 60.0  # on the story's clock, which stands still at 0: nobody is late before the story says so


class Work:
    """Work that ends when told to, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.deadlines: list[float] = []

    async def __call__(self, flight: Flight[str]) -> str:
        self.begun += 1
        flight.note = "is at work"
        try:
            return await asyncio.shield(self.end)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.deadlines.append(flight.deadline)


def run(story: Callable[[SingleFlight[str], Work], Awaitable[None]]) -> None:
    async def live() -> None:
        await story(SingleFlight(lambda: 0.0), Work())

    asyncio.run(live())


def test_the_second_asker_shares_and_knows_it() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        task = [asyncio.ensure_future(single_flight.join("k", LATER, work)) for _ in range(3)]
        await asyncio.sleep(0)
        work.end.set_result("yes")
        assert await asyncio.gather(*task) == [("yes", False), ("yes", True), ("yes", True)]
        assert work.begun == 1

    run(story)


def test_other_questions_are_asked_on_their_own() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        work.end.set_result("yes")
        await asyncio.gather(*(single_flight.join(key, LATER, work) for key in "ab"))
        assert work.begun == 2

    run(story)


def test_an_answer_is_not_kept() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        work.end.set_result("yes")
        await single_flight.join("k", LATER, work)
        await single_flight.join("k", LATER, work)
        assert work.begun == 2

    run(story)


def test_a_failure_is_everybodys() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        work.end.set_exception(ValueError("no"))
        both = await asyncio.gather(*(single_flight.join("k", LATER, work) for _ in range(2)), return_exceptions=True)
        assert [str(failure) for failure in both] == ["no", "no"]

    run(story)


def test_who_cannot_wait_longer_is_told_what_the_work_is_at() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        with pytest.raises(DeadlineExceeded, match="is at work"):
            await single_flight.join("k", 0.005, work)
        await asyncio.sleep(0)
        assert work.cancelled == 1

    run(story)


def test_after_the_deadline_nothing_is_begun() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        with pytest.raises(DeadlineExceeded, match="was not asked any more"):
            await single_flight.join("k", -0.001, work)
        await asyncio.sleep(0)
        assert work.begun == 0

    run(story)


def test_who_is_late_may_still_share_what_is_there() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        task = asyncio.ensure_future(single_flight.join("k", LATER, work))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineExceeded, match="is at work"):
            await single_flight.join("k", -0.001, work)
        work.end.set_result("yes")
        assert await task == ("yes", False)

    run(story)


def test_the_work_goes_on_for_those_who_can_wait() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        hasty = asyncio.ensure_future(single_flight.join("k", 0.005, work))
        until = LATER
        patient = asyncio.ensure_future(single_flight.join("k", until, work))
        with pytest.raises(DeadlineExceeded):
            await hasty
        work.end.set_result("yes")
        assert await patient == ("yes", True)
        assert (work.cancelled, work.deadlines) == (0, [until])

    run(story)


def test_work_that_everybody_left_is_cancelled_and_begun_anew_for_the_next() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        task = asyncio.ensure_future(single_flight.join("k", LATER, work))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = asyncio.ensure_future(single_flight.join("k", LATER, work))
        await asyncio.sleep(0.001)
        work.end.set_result("yes")
        assert await again == ("yes", False)
        assert (work.begun, work.cancelled) == (2, 1)

    run(story)


def test_closing_leaves_nobody_waiting() -> None:
    async def story(single_flight: SingleFlight[str], work: Work) -> None:
        task = asyncio.ensure_future(single_flight.join("k", LATER, work))
        await asyncio.sleep(0.001)
        await single_flight.close()
        with pytest.raises(DeadlineExceeded):
            await task

    run(story)
