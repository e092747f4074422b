"""How long to wait before the next attempt."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_operator.training.backoff import retry_delay


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (10**9, 300)]
)
def test_each_failure_doubles_the_wait_up_to_five_minutes(failures: int, seconds: float) -> None:
    assert retry_delay("infrastructure", failures, "demo-1-1") == pytest.approx(seconds, rel=0.1)


def test_a_preempted_run_also_waits_ten_seconds_at_first() -> None:
    assert retry_delay("preempted", 1, "demo-1-1") == pytest.approx(10, rel=0.1)


def test_the_same_failure_waits_equally_long_whenever_it_is_asked() -> None:
    assert retry_delay("infrastructure", 3, "demo-1-3") == retry_delay("infrastructure", 3, "demo-1-3")


def test_jobs_that_failed_together_do_not_start_together() -> None:
    waits = [retry_delay("infrastructure", 1, f"job-{number}") for number in range(200)]
    assert len(set(waits)) == 200
    assert min(waits) < 9.2
    assert max(waits) > 10.8


@settings(deadline=None)
@given(failures=st.integers(), seed=st.text())
def test_no_wait_is_shorter_than_nine_or_longer_than_330_seconds(failures: int, seed: str) -> None:
    assert 9 <= retry_delay("user", failures, seed) <= 330
