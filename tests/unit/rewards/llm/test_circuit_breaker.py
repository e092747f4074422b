"""An endpoint that only fails is left alone, and tried again with one call."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.rewardservice.judging import CircuitBreaker
from atlas_rewards.llm.circuit_breaker import Breaker


def breaker(failures: int = 3, open_seconds: float = 10.0) -> Breaker:
    return Breaker(CircuitBreaker(failures=failures, open_seconds=open_seconds))


def admitted(breaker: Breaker, now: float) -> int:
    ticket = breaker.admit(now)
    assert ticket is not None
    return ticket


def opened(now: float = 0.0) -> Breaker:
    subject = breaker()
    for _ in range(3):
        subject.failed(admitted(subject, now), now)
    return subject


def test_failures_in_a_row_open_it() -> None:
    assert opened(5.0).state(5.0) == "open"
    assert opened(5.0).admit(14.9) is None


def test_a_success_in_between_keeps_it_closed() -> None:
    subject = breaker()
    for worked in (False, False, True, False, False):
        ticket = admitted(subject, 0.0)
        if worked:
            subject.succeeded(ticket)
        else:
            subject.failed(ticket, 0.0)
    assert subject.state(0.0) == "closed"


def test_calls_that_say_nothing_do_not_break_a_row() -> None:
    subject = breaker()
    for undecided in (False, False, True, False):
        ticket = admitted(subject, 0.0)
        if undecided:
            subject.undecided(ticket)
        else:
            subject.failed(ticket, 0.0)
    assert subject.state(0.0) == "open"


def test_after_a_while_exactly_one_call_tries_it() -> None:
    subject = opened()
    assert subject.state(10.0) == "halfOpen"
    assert subject.admit(10.0) is not None
    assert subject.admit(10.0) is None


def test_the_trial_that_succeeds_closes_it() -> None:
    subject = opened()
    subject.succeeded(admitted(subject, 10.0))
    assert subject.state(10.0) == "closed"


def test_the_trial_that_fails_opens_it_for_as_long_again() -> None:
    subject = opened()
    subject.failed(admitted(subject, 11.0), 12.0)
    assert [subject.state(moment) for moment in (12.0, 21.9, 22.0)] == ["open", "open", "halfOpen"]


def test_a_trial_that_was_given_up_makes_room_for_the_next() -> None:
    subject = opened()
    subject.undecided(admitted(subject, 10.0))
    assert subject.admit(10.0) is not None


@pytest.mark.parametrize("worked", [True, False])
def test_calls_from_before_it_opened_change_nothing(worked: bool) -> None:
    subject = breaker()
    late = admitted(subject, 0.0)
    for _ in range(3):
        subject.failed(admitted(subject, 0.0), 0.0)
    assert subject.state(0.0) == "open"
    if worked:
        subject.succeeded(late)
    else:
        subject.failed(late, 9.0)
    assert (subject.state(9.9), subject.state(10.0)) == ("open", "halfOpen")


def test_a_burst_that_was_in_flight_when_it_fell_counts_as_one_failure() -> None:
    subject = breaker()
    for state in ("closed", "open"):
        for ticket in [admitted(subject, 0.0) for _ in range(64)]:
            subject.failed(ticket, 0.0)
        assert subject.state(0.0) == state


def test_it_tells_how_long_to_wait() -> None:
    subject = breaker()
    assert subject.wait(0.0) == 0.0
    subject = opened()
    assert [subject.wait(moment) for moment in (0.0, 9.0, 10.0)] == [10.0, 1.0, 0.0]
    subject.admit(10.0)
    assert subject.wait(10.0) == inf


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.sampled_from(["succeeded", "failed", "undecided"])), max_size=60))
def test_it_never_stays_open_longer_than_told(history: list[tuple[float, str]]) -> None:
    subject, now = breaker(failures=2), 0.0
    for pause, outcome in history:
        now += pause
        ticket = subject.admit(now)
        if ticket is None:
            continue
        if outcome == "failed":
            subject.failed(ticket, now)
        elif outcome == "succeeded":
            subject.succeeded(ticket)
        else:
            subject.undecided(ticket)
    assert subject.admit(now + 10.0) is not None
