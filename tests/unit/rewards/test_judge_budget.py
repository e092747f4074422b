"""What judging costs is counted over the last hour and minute."""

from hypothesis import given
from hypothesis import strategies as st

from atlas_api.judging import Budget
from atlas_rewards.judging.budget import Purse, SlidingWindow


def test_calls_of_the_last_minute_are_limited() -> None:
    purse = Purse(Budget(calls_per_minute=2))
    for _ in range(2):
        assert purse.refusal(10, 0.0) is None
        purse.spend(10, 0.0)
    assert purse.refusal(10, 0.0) == "budget.callsPerMinute of 2 is used up"
    assert purse.refusal(10, 59.0) is not None
    assert purse.refusal(10, 62.0) is None


def test_tokens_of_the_last_hour_are_limited() -> None:
    purse = Purse(Budget(tokens_per_hour=100))
    purse.spend(60, 0.0)
    purse.settle(30, 1.0)
    assert purse.refusal(11, 2.0) == "budget.tokensPerHour of 100 is used up"
    assert purse.refusal(10, 2.0) is None
    assert purse.refusal(11, 3700.0) is None


def test_what_a_refused_call_was_counted_with_is_given_back() -> None:
    purse = Purse(Budget(tokens_per_hour=100))
    purse.spend(100, 0.0)
    purse.settle(-100, 0.0)
    assert purse.refusal(100, 0.0) is None


def test_without_limits_everything_is_allowed() -> None:
    purse = Purse(Budget())
    purse.spend(10**12, 0.0)
    assert purse.refusal(10**12, 0.0) is None


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


def test_a_window_is_small_however_much_is_counted() -> None:
    window = SlidingWindow(60.0)
    for number in range(10_000):
        window.add(1, number / 100)
    assert window.total(99.99) >= 6000
    assert len(window._buckets) <= 62
