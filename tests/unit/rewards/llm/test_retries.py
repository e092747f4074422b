"""How long a failed call waits before it is made again."""

from datetime import UTC, datetime
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.rewardservice.judging import CallRetries
from atlas_rewards.llm.retries import LONGEST, retry_after, wait_before

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("attempt", "longest"), [(2, 0.5), (3, 1.0), (4, 2.0)])
def test_waits_double(attempt: int, longest: float) -> None:
    settings = CallRetries(attempts=4, base_seconds=0.5)
    assert wait_before(attempt, settings, None, 1.0) == longest
    assert wait_before(attempt, settings, None, 0.0) == longest / 2


def test_after_the_last_attempt_there_is_no_other() -> None:
    assert wait_before(5, CallRetries(attempts=4), None, 0.5) is None
    assert wait_before(2, CallRetries(attempts=1), 3.0, 0.5) is None


@given(st.integers(2, 20), st.none() | st.floats(0.0, 1e6), st.floats(0.0, 1.0))
def test_nobody_comes_back_before_the_endpoint_wants_it(attempt: int, asked_for: float | None, chance: float) -> None:
    wait = wait_before(attempt, CallRetries(attempts=20), asked_for, chance)
    assert wait is not None
    assert wait >= (asked_for or 0.0)
    assert wait <= max(LONGEST, 1.1 * (asked_for or 0.0))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.25"}, 0.25),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 23 Nov 2026 12:00:30 -0000"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:99999999999999999999 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 +9999999999999999999999"}, None),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2300"}, 0.0),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
    ],
)
def test_what_the_endpoint_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOON) == seconds


WORDS = st.sampled_from(
    ["Wed, ", "21", " Oct ", "2015 ", "07:28:00", " GMT", "-", "+2359", ":", " ", "e", ".", "99999999999"]
)
HEADERS = st.text(max_size=40) | st.lists(WORDS, max_size=9).map("".join)


@given(st.dictionaries(st.sampled_from(["Retry-After", "retry-after-ms"]), HEADERS))
def test_whatever_an_endpoint_asks_for_is_a_time_to_wait_or_nothing(headers: dict[str, str]) -> None:
    seconds = retry_after(headers, NOON)
    assert seconds is None or 0.0 <= seconds < inf
