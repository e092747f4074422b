"""What judging costs is counted over the last hour and minute."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judges.judge_calls import FakeTime

from atlas_api.rewardservice.judging import Budget
from atlas_rewards.llm.chat_completion import CallFailed
from atlas_rewards.llm.rate_limit import BudgetMeter, RateLimiter, SlidingWindow, Usage
from atlas_rewards.llm.single_flight import Flight


def flight(deadline: float) -> Flight[Any]:
    return Flight(deadline)


def test_calls_of_the_last_minute_are_limited() -> None:
    meter = BudgetMeter(Budget(calls_per_minute=2))
    for _ in range(2):
        assert meter.excess(10, 0.0) is None
        meter.charge(10, 0.0)
    assert meter.excess(10, 0.0) == "budget.callsPerMinute of 2 is used up"
    assert meter.excess(10, 59.0) is not None
    assert meter.excess(10, 62.0) is None


def test_purses_of_different_budgets_share_what_was_spent() -> None:
    usage = Usage()
    before, after = (BudgetMeter(Budget(calls_per_minute=calls, tokens_per_hour=100), usage) for calls in (5, 2))
    before.charge(60, 0.0)
    assert after.excess(40, 1.0) is None
    before.charge(10, 0.0)
    assert after.excess(10, 1.0) == "budget.callsPerMinute of 2 is used up"
    assert before.excess(31, 1.0) == "budget.tokensPerHour of 100 is used up"


def test_room_for_a_call_comes_when_it_is_said_to_come() -> None:
    meter = BudgetMeter(Budget(calls_per_minute=2, tokens_per_hour=100))
    assert meter.wait(0.0) == 0.0
    meter.charge(10, 0.5)
    meter.charge(10, 30.0)
    wait = meter.wait(31.0)
    assert 29.5 <= wait <= 31.0
    assert meter.wait(31.0 + wait - 0.1) > 0.0
    assert meter.wait(31.0 + wait) == 0.0
    meter.refund(10, 30.0)
    assert meter.wait(31.0) == 0.0
    assert meter.hourly_excess(90, 31.0) is None
    assert meter.hourly_excess(91, 31.0) is not None


@given(st.lists(st.floats(0.0, 30.0), min_size=1, max_size=40), st.integers(0, 5))
def test_a_window_has_room_after_the_wait_and_not_much_before(pauses: list[float], most: int) -> None:
    window, now = SlidingWindow(60.0), 0.0
    for pause in pauses:
        now += pause
        window.add(1, now)
    wait = window.wait(most, now)
    assert (wait == 0.0) == (window.total(now) <= most)
    assert wait <= 61.0
    window_before = window.total(now + wait * 0.99 - 0.02) if wait > 1 else most + 1
    assert window_before > most
    assert window.total(now + wait + 1e-6) <= most


def test_tokens_of_the_last_hour_are_limited() -> None:
    meter = BudgetMeter(Budget(tokens_per_hour=100))
    meter.charge(60, 0.0)
    meter.adjust(30, 1.0)
    assert meter.excess(11, 2.0) == "budget.tokensPerHour of 100 is used up"
    assert meter.excess(10, 2.0) is None
    assert meter.excess(11, 3700.0) is None


def test_what_a_refused_call_was_counted_with_is_given_back() -> None:
    meter = BudgetMeter(Budget(tokens_per_hour=100))
    meter.charge(100, 0.0)
    meter.adjust(-100, 0.0)
    assert meter.excess(100, 0.0) is None


def test_without_limits_everything_is_allowed() -> None:
    meter = BudgetMeter(Budget())
    meter.charge(10**12, 0.0)
    assert meter.excess(10**12, 0.0) is None


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 100)), max_size=80))
def test_a_window_never_forgets_too_early_and_never_remembers_much_too_long(history: list[tuple[float, int]]) -> None:
    window, now, events = SlidingWindow(60.0), 0.0, []
    for pause, amount in history:
        now += pause
        window.add(amount, now)
        events.append((now, amount))
    total = window.total(now)
    assert total >= sum(amount for moment, amount in events if moment > now - 60.0)
    assert total <= sum(amount for moment, amount in events if moment > now - 62.0)


@given(st.lists(st.tuples(st.floats(0.0, 30.0), st.integers(0, 100), st.floats(0.0, 90.0)), max_size=40))
def test_what_is_taken_back_late_is_missing_nowhere_else(history: list[tuple[float, int, float]]) -> None:
    """Each amount is taken back some time later; those of which that is still to come are counted."""
    window, now, back = SlidingWindow(60.0), 0.0, list[tuple[float, float, int]]()
    for pause, amount, kept in history:
        now += pause
        for _, moment, taken in [one for one in back if one[0] <= now]:
            window.add(-taken, moment)
        back = [one for one in back if one[0] > now] + [(now + kept, now, amount)]
        window.add(amount, now)
        assert window.total(now) >= sum(taken for _, moment, taken in back if moment > now - 60.0)


def test_a_window_is_small_however_much_is_counted() -> None:
    window = SlidingWindow(60.0)
    for number in range(10_000):
        window.add(1, number / 10)
    assert len(window._buckets) <= 62  # also where nobody wants to know: there may be no limit
    assert window.total(999.9) >= 600


def test_calls_are_paid_in_the_order_in_which_they_came_and_nobody_looks_again_and_again() -> None:
    counted: dict[str, float] = {}

    async def acquire(limiter: RateLimiter, name: str, deadline: float) -> None:
        counted[name] = await limiter.acquire(1, flight(deadline))

    async def story(clock: FakeTime) -> list[BaseException | None]:
        limiter = RateLimiter(BudgetMeter(Budget(calls_per_minute=2)), clock.timing.clock, clock.sleep)
        deadlines = {"a": 300.0, "b": 300.0, "c": 300.0, "late": 90.0, "d": 300.0, "e": 300.0}
        return await asyncio.gather(
            *(acquire(limiter, name, deadline) for name, deadline in deadlines.items()), return_exceptions=True
        )

    clock = FakeTime()
    outcomes = asyncio.run(story(clock))
    assert list(counted) == ["a", "b", "c", "late", "d", "e"]
    assert [moment // 60 for moment in counted.values()] == [0, 0, 1, 1, 2, 2]
    assert outcomes == [None] * 6
    assert len(clock.slept) == 2


def test_who_cannot_wait_for_room_is_refused_at_once_and_the_next_one_waits() -> None:
    async def story(clock: FakeTime) -> None:
        limiter = RateLimiter(
            BudgetMeter(Budget(calls_per_minute=1, tokens_per_hour=100)), clock.timing.clock, clock.sleep
        )
        assert await limiter.acquire(1, flight(300.0)) == 0.0
        with pytest.raises(CallFailed, match=r"budget\.callsPerMinute of 1 is used up"):
            await limiter.acquire(1, flight(30.0))
        with pytest.raises(CallFailed, match=r"budget\.tokensPerHour of 100 is used up"):
            await limiter.acquire(100, flight(300.0))
        assert clock.slept == []
        assert await limiter.acquire(1, flight(300.0)) >= 60.0

    asyncio.run(story(FakeTime()))
