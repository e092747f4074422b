"""The session filter: which condition fails, and which sessions a limit keeps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from atlas_api.training.traces import TraceFilter
from atlas_trainer.traces.filters import filter_sessions, first_failed_condition
from atlas_trainer.traces.session import Session, Tally

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
ANY_STATE: dict[str, Any] = {"status": (), "review_status": ()}


def session(**changes: Any) -> Session:
    base = Session(
        id="1",
        task="Refund order 12",
        status="succeeded",
        review_status="approved",
        created_at=NOON,
        final_answer="Refunded",
        reward=0.7,
        steps=(),
        learning_key="refunds",
        tags=("crm", "eu"),
        project="/srv/agent",
        execution_mode="paired",
    )
    return replace(base, **changes)


def kept(trace_filter: TraceFilter, *sessions: Session) -> list[str]:
    return [each.id for each in filter_sessions(trace_filter, iter(sessions), Tally())]


@pytest.mark.parametrize(
    ("conditions", "cause"),
    [
        ({"status": ("failed",)}, "status"),
        ({"review_status": ("pending",)}, "reviewStatus"),
        ({"min_reward": 0.8}, "minReward"),
        ({"max_reward": 0.6}, "maxReward"),
        ({"learning_keys": ("orders",)}, "learningKeys"),
        ({"tags": ("us",)}, "tags"),
        ({"projects": ("/srv",)}, "projects"),
        ({"execution_modes": ("auto", "coach")}, "executionModes"),
        ({"created_after": NOON + timedelta(seconds=1)}, "createdAfter"),
        ({"created_before": NOON}, "createdBefore"),
    ],
)
def test_each_condition_names_itself_when_it_is_not_met(conditions: dict[str, Any], cause: str) -> None:
    assert first_failed_condition(TraceFilter(**conditions), session()) == cause


def test_sessions_are_chosen_and_taken_out_by_their_ids() -> None:
    sessions = [session(id=id) for id in ("1", "10", "a.jsonl:1")]
    assert kept(TraceFilter(session_ids=("10", "a.jsonl:1", "2")), *sessions) == ["10", "a.jsonl:1"]
    assert kept(TraceFilter(exclude_session_ids=("10", "2")), *sessions) == ["1", "a.jsonl:1"]
    assert kept(TraceFilter(session_ids=("1", "10"), exclude_session_ids=("10",)), *sessions) == ["1"]
    assert first_failed_condition(TraceFilter(session_ids=("2",)), session(status="failed")) == "sessionIds"


@pytest.mark.parametrize(("missing", "required"), [("status", "status"), ("reviewStatus", "reviewStatus")])
def test_what_was_assumed_passes_unless_the_record_must_say_it(missing: Any, required: str) -> None:
    assumed = session(missing=(missing,))
    assert first_failed_condition(TraceFilter(), assumed) is None
    assert (
        first_failed_condition(TraceFilter.model_validate({"require": [required]}, strict=False), assumed) == "require"
    )
    assert first_failed_condition(TraceFilter(require=("status", "reviewStatus")), session()) is None


def test_statuses_are_compared_in_any_case() -> None:
    loud = TraceFilter(status=("SUCCEEDED",), review_status=("Approved",))
    assert first_failed_condition(loud, session()) is None
    assert first_failed_condition(TraceFilter(), session(status="Succeeded", review_status="APPROVED")) is None


def test_the_first_condition_in_the_order_of_the_filter_is_the_cause() -> None:
    everything_wrong = TraceFilter(status=("failed",), min_reward=0.9, tags=("us",), created_before=NOON)
    assert first_failed_condition(everything_wrong, session()) == "status"
    assert first_failed_condition(everything_wrong, session(status="failed", reward=None)) == "unknownReward"
    assert first_failed_condition(everything_wrong, session(status="failed", reward=1.0)) == "tags"


def test_the_default_takes_succeeded_and_approved_sessions_with_any_reward() -> None:
    assert first_failed_condition(TraceFilter(), session(reward=None)) is None
    assert first_failed_condition(TraceFilter(), session(review_status="quarantined")) == "reviewStatus"


def test_an_empty_list_means_any_value() -> None:
    anything = TraceFilter(**ANY_STATE)
    assert (
        first_failed_condition(anything, session(status="running", review_status="odd", learning_key=None, tags=()))
        is None
    )


@pytest.mark.parametrize("threshold", [{"min_reward": 0.0}, {"max_reward": 1.0}])
def test_an_unknown_reward_passes_no_threshold_not_even_one_that_all_rewards_pass(threshold: dict[str, Any]) -> None:
    assert first_failed_condition(TraceFilter(**threshold), session(reward=None)) == "unknownReward"


def test_float_noise_does_not_decide_at_a_threshold() -> None:
    assert first_failed_condition(TraceFilter(min_reward=0.7), session(reward=0.6999999999999998)) is None
    assert first_failed_condition(TraceFilter(max_reward=0.8), session(reward=0.8000000000000002)) is None
    assert first_failed_condition(TraceFilter(min_reward=0.7), session(reward=0.69999)) == "minReward"
    assert first_failed_condition(TraceFilter(max_reward=0.8), session(reward=0.80001)) == "maxReward"


def test_one_shared_tag_is_enough() -> None:
    assert first_failed_condition(TraceFilter(tags=("us", "eu")), session()) is None


def test_the_date_range_includes_its_start_and_excludes_its_end() -> None:
    second = timedelta(seconds=1)
    assert first_failed_condition(TraceFilter(created_after=NOON, created_before=NOON + second), session()) is None
    assert first_failed_condition(TraceFilter(created_before=NOON), session()) == "createdBefore"


@pytest.mark.parametrize(("bound", "cause"), [("created_after", "createdAfter"), ("created_before", "createdBefore")])
def test_a_session_without_a_date_passes_no_date_condition(bound: str, cause: str) -> None:
    assert first_failed_condition(TraceFilter.model_validate({bound: NOON}), session(created_at=None)) == cause


def test_matched_and_left_out_sessions_are_counted() -> None:
    tally = Tally()
    sessions = [session(id="1"), session(id="2", status="failed"), session(id="3", status="running"), session(id="4")]

    assert [each.id for each in filter_sessions(TraceFilter(), iter(sessions), tally)] == ["1", "4"]
    assert (tally.matched, tally.filtered) == (2, {"status": 2})


def test_a_limit_counts_only_sessions_that_pass_everything_else() -> None:
    tally = Tally()
    sessions = [session(id=str(n), status="failed" if n % 2 else "succeeded") for n in range(10)]

    assert [each.id for each in filter_sessions(TraceFilter(limit=2), iter(sessions), tally)] == ["6", "8"]
    assert (tally.matched, tally.filtered) == (2, {"status": 5, "limit": 3})


@pytest.mark.parametrize(("order", "expected"), [("newest", {"9", "10"}), ("oldest", {"1", "2"})])
def test_the_limit_keeps_the_wanted_end_by_date_and_then_by_row_number_in_any_order_of_arrival(
    order: str, expected: set[str]
) -> None:
    rows = [
        session(id="1", created_at=NOON - timedelta(days=1)),
        session(id="2"),
        session(id="9"),
        session(id="10"),
    ]
    for arrangement in permutations(rows):
        assert set(kept(TraceFilter.model_validate({"limit": 2, "order": order}), *arrangement)) == expected


@pytest.mark.parametrize(("order", "expected"), [("newest", ["4", "3"]), ("oldest", ["3", "2"])])
def test_an_offset_skips_the_first_in_order_and_a_limit_counts_from_there(order: str, expected: list[str]) -> None:
    tally = Tally()
    sessions = [session(id=id, status="failed" if id == "9" else "succeeded") for id in ("5", "4", "9", "3", "2", "1")]
    trace_filter = TraceFilter.model_validate({"offset": 1, "limit": 2, "order": order})

    assert [each.id for each in filter_sessions(trace_filter, iter(sessions), tally)] == expected
    assert (tally.matched, tally.filtered) == (2, {"status": 1, "offset": 1, "limit": 2})


def test_an_offset_without_a_limit_skips_alone() -> None:
    tally = Tally()
    sessions = [session(id=str(number)) for number in (3, 5, 1, 4, 2)]
    assert {each.id for each in filter_sessions(TraceFilter(offset=2), iter(sessions), tally)} == {"1", "2", "3"}
    assert (tally.matched, tally.filtered) == (3, {"offset": 2})


def test_an_offset_beyond_the_last_session_leaves_none() -> None:
    assert kept(TraceFilter(offset=2), session(id="1")) == kept(TraceFilter(offset=2, limit=1), session(id="1")) == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_sessions_without_a_date_are_the_first_to_exceed_the_limit(order: str) -> None:
    trace_filter = TraceFilter.model_validate({"limit": 1, "order": order})
    assert kept(trace_filter, session(id="1", created_at=None), session(id="2"), session(id="3", created_at=None)) == [
        "2"
    ]


def test_a_limit_does_not_change_the_order_of_what_is_kept() -> None:
    rows = [session(id="3"), session(id="1"), session(id="2")]
    assert kept(TraceFilter(limit=2), *rows) == ["3", "2"]


def test_at_most_the_limit_is_held_in_memory() -> None:
    alive: set[str] = set()
    most = 0

    class Tracked(Session):
        def __del__(self) -> None:
            alive.discard(self.id)

    def stream() -> Iterator[Session]:
        nonlocal most
        for number in range(100):
            alive.add(str(number))
            most = max(most, len(alive))
            yield Tracked(str(number), "task", "succeeded", "approved", NOON, "", None, ())

    assert len(list(filter_sessions(TraceFilter(limit=5), stream(), Tally()))) == 5
    assert most <= 5 + 3
