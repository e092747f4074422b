"""How calls went lately."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from atlas_rewards.llm.statistics import ENOUGH, WINDOW, CallRecord, Latencies


def latencies(*seconds: float) -> Latencies:
    subject = Latencies()
    for value in seconds:
        subject.add(value)
    return subject


def test_percentiles_are_latencies_that_occurred() -> None:
    subject = latencies(*(float(number) for number in range(100, 0, -1)))
    assert [subject.percentile(percent) for percent in (0.0, 1, 50, 99, 99.5, 100)] == [1, 1, 50, 99, 100, 100]


def test_nothing_has_no_percentile() -> None:
    assert latencies().percentile(50) is None


@given(st.lists(st.floats(0, 10), min_size=1, max_size=50), st.floats(0.001, 100))
def test_a_percentile_is_not_exceeded_by_that_share(values: list[float], percent: float) -> None:
    found = latencies(*values).percentile(percent)
    assert found is not None
    assert sum(value <= found for value in values) >= len(values) * percent / 100 - 1e-9


def test_only_the_latest_count() -> None:
    subject = latencies(*[9.0] * 10, *[1.0] * WINDOW)
    assert (len(subject), subject.percentile(100)) == (WINDOW, 1.0)


def test_too_few_calls_are_no_ground_for_a_hedge() -> None:
    record = CallRecord()
    for _ in range(ENOUGH - 1):
        record.answered(0.1)
    assert record.hedge_after(95) is None
    record.answered(0.1)
    assert record.hedge_after(95) == 0.1
    assert record.hedge_after(None) is None


def test_a_snapshot_tells_rates_and_reasons() -> None:
    record = CallRecord()
    for _ in range(3):
        record.answered(0.5)
    record.failed("timeout")
    statistics = record.snapshot("m", "http://a/v1", "closed")
    assert (statistics.answered, statistics.error_rate, statistics.p50_seconds, statistics.failures) == (
        3,
        0.25,
        0.5,
        {"timeout": 1},
    )


def test_of_calls_that_were_given_up_the_slow_ones_count_as_latencies() -> None:
    record = CallRecord()
    record.given_up(3.0)  # slow or not: nothing is known yet
    for seconds in (1.0, 2.0, 3.0):
        record.answered(seconds)
    for seconds in (2.0, 2.5):
        record.given_up(seconds)
    statistics = record.snapshot("m", "http://a/v1", "closed")
    assert (statistics.answered, statistics.abandoned, len(record.latencies)) == (3, 3, 4)
    assert record.latencies.percentile(75) == 2.5


def test_hedges_that_win_do_not_make_the_next_ones_come_sooner() -> None:
    def hedged(record: CallRecord, seconds: float, again: float) -> bool:
        after = record.hedge_after(95)
        if after is None or seconds <= after:
            record.answered(seconds)
            return False
        record.answered(seconds if seconds <= after + again else again)
        record.given_up(seconds - after if seconds <= after + again else after + again)
        return True

    record, chance = CallRecord(), Random(2)
    hedges = [hedged(record, chance.lognormvariate(0, 1), chance.lognormvariate(0, 1)) for _ in range(4000)]
    assert 0.04 < sum(hedges) / len(hedges) < 0.06


def test_questions_without_a_call_are_told_and_are_no_error_of_the_model() -> None:
    record = CallRecord()
    record.answered(0.5)
    record.not_asked("overBudget")
    statistics = record.snapshot("m", "http://a/v1", "closed")
    assert (statistics.error_rate, statistics.failures) == (0.0, {"overBudget": 1})


def test_before_the_first_call_rates_are_unknown() -> None:
    statistics = CallRecord().snapshot("m", "http://a/v1", "closed")
    assert (statistics.error_rate, statistics.p50_seconds, statistics.p99_seconds) == (None, None, None)
