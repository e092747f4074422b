"""Sessions come out of a real Postgres whole, in order, and counted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.sdk.rows import (
    NOTE,
    attempt_events,
    breakdown,
    event,
    insert_events,
    insert_result,
    insert_session,
    metadata,
    plan,
    run_events,
    stats,
)
from support.traces.reading import read_all, traces_of
from support.traces.reward_cases import REWARD_CASES

from atlas_trainer.traces.session import Session, Step, StepAttempt

ANY: dict[str, Any] = {"status": (), "review_status": ()}
TWO_ATTEMPTS = (StepAttempt("Refund sent", NOTE), StepAttempt("Refunded"))


@pytest.fixture
def read(database_url: str, tmp_path: Path) -> Any:
    """A function that reads every session that passes a filter."""
    return lambda **filter: read_all(traces_of(database_url, tmp_path, **filter))


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def ids(sessions: Sequence[Session]) -> list[int]:
    return [int(session.id) for session in sessions]


def test_golden_session_is_read_whole(connection: psycopg.Connection, read: Any) -> None:
    extra = {
        "tags": ["crm", "eu"],
        "project_root": "/srv/agent",
        "executor_system_prompt": "Be brief",
        "ground_truth": 12,
    }
    session_id = insert_session(connection, metadata=metadata(**extra))
    sessions, tally = read()
    assert sessions == [
        Session(
            id=str(session_id),
            task="Refund order 12",
            status="succeeded",
            review_status="approved",
            created_at=datetime(2025, 11, 20, 10, tzinfo=UTC),
            final_answer="Refunded",
            reward=0.86,
            steps=(Step(1, "Answer in one go", TWO_ATTEMPTS),),
            learning_key="refunds",
            tags=("crm", "eu"),
            project="/srv/agent",
            execution_mode="paired",
            system_prompt="Be brief",
            ground_truth="12",
        )
    ]
    assert (tally.matched, tally.dropped) == (1, {})


@pytest.mark.parametrize("value", ["[" * 3000 + "]" * 3000, "9" * 5000], ids=["endless brackets", "endless digits"])
def test_a_value_that_python_cannot_hold_is_unknown_and_ends_nothing(
    value: str, connection: psycopg.Connection, read: Any
) -> None:
    odd, next_one = insert_session(connection), insert_session(connection)
    connection.execute(
        "UPDATE sessions SET metadata = jsonb_build_object('ground_truth', %s::jsonb) WHERE id = %s", [value, odd]
    )
    sessions, _ = read()
    assert ids(sessions) == [odd, next_one]
    assert sessions[0].ground_truth is None


def test_default_filter_takes_succeeded_and_approved_sessions(connection: psycopg.Connection, read: Any) -> None:
    kept = insert_session(connection)
    insert_session(connection, status="failed", review_status="quarantined")
    insert_session(connection, status="running")
    insert_session(connection, review_status="quarantined", reward_stats=stats(0.99))
    insert_session(connection, review_status="pending")
    sessions, tally = read()
    assert ids(sessions) == [kept]
    assert (tally.matched, tally.filtered) == (1, {"status": 2, "reviewStatus": 2})


def test_empty_database_is_no_session(read: Any) -> None:
    sessions, tally = read(limit=3, min_reward=0.5)
    assert (sessions, tally.matched, tally.filtered) == ([], 0, {})


def test_every_session_left_out_is_counted_under_the_first_condition_it_fails(
    connection: psycopg.Connection, read: Any
) -> None:
    good = {"tags": ["a"], "project_root": "/p", "learning_key": "k"}
    variants: list[dict[str, Any]] = [
        {"status": "failed", "review_status": "pending"},
        {"review_status": "pending", "reward_stats": None, "reward": None},
        {"reward_stats": None, "reward": None, "metadata": None},
        {"reward_stats": stats(0.1), "metadata": None},
        {"reward_stats": stats(1.0), "metadata": None},
        {"metadata": metadata(**{**good, "learning_key": "other", "tags": []})},
        {"metadata": metadata(**{**good, "tags": ["b"], "project_root": "/q"})},
        {"metadata": metadata(**{**good, "project_root": "/q", "execution_mode": "auto"})},
        {"metadata": metadata(**{**good, "execution_mode": "auto"}), "created_at": "2020-01-01T00:00:00Z"},
        {"metadata": metadata(**good), "created_at": "2020-01-01T00:00:00Z"},
        {"metadata": metadata(**good), "created_at": "2030-01-01T00:00:00Z"},
        {"metadata": metadata(**good), "created_at": "2025-11-20T00:00:00Z"},
        {"metadata": metadata(**good), "created_at": "2025-11-21T00:00:00Z"},
    ]
    inserted = [insert_session(connection, **variant) for variant in variants]
    sessions, tally = read(
        min_reward=0.5,
        max_reward=0.9,
        learning_keys=("k",),
        tags=("a", "z"),
        projects=("/p",),
        execution_modes=("paired",),
        created_after=datetime(2025, 1, 1, tzinfo=UTC),
        created_before=datetime(2026, 1, 1, tzinfo=UTC),
        limit=1,
    )
    assert ids(sessions) == inserted[-1:]
    causes = "status reviewStatus unknownReward minReward maxReward learningKeys tags projects executionModes"
    assert tally.filtered == dict.fromkeys([*causes.split(), "createdAfter", "createdBefore", "limit"], 1)
    assert tally.matched == 1


@pytest.mark.parametrize("bounds", [{}, {"min_reward": 0.0}, {"max_reward": 1.0}])
def test_every_recorded_reward_is_read_alike_and_none_breaks_the_query(
    connection: psycopg.Connection, read: Any, bounds: dict[str, float]
) -> None:
    # The SDK's index on the score refuses rows that databases without it may hold.
    connection.execute("DROP INDEX sessions_reward_score_idx")
    for case in REWARD_CASES:
        insert_session(connection, task=case.about, reward_stats=case.reward_stats, reward=case.reward, events=[])
    sessions, tally = read(**bounds)
    lowest, highest = bounds.get("min_reward", -1e9), bounds.get("max_reward", 1e9)
    expected = {case.about: case.expected for case in REWARD_CASES}
    if bounds:
        expected = {
            about: score for about, score in expected.items() if score is not None and lowest <= score <= highest
        }
    assert {session.task: session.reward for session in sessions} == expected
    assert tally.matched + sum(tally.filtered.values()) == len(REWARD_CASES)


def test_no_minimum_is_not_a_minimum_of_zero(connection: psycopg.Connection, read: Any) -> None:
    unknown = insert_session(connection, reward_stats=None, reward=None)
    zero = insert_session(connection, reward_stats=stats(0.0), reward=breakdown(0.0))
    assert ids(read()[0]) == [unknown, zero]
    sessions, tally = read(min_reward=0.0)
    assert (ids(sessions), tally.filtered) == ([zero], {"unknownReward": 1})


def test_float_noise_at_a_threshold_passes_and_a_real_difference_does_not(
    connection: psycopg.Connection, read: Any
) -> None:
    below, above = (insert_session(connection, reward_stats=stats(s)) for s in (0.6999999999999998, 0.8000000000000002))
    insert_session(connection, reward_stats=stats(0.69999))
    insert_session(connection, reward_stats=stats(0.80001))
    assert ids(read(min_reward=0.7, max_reward=0.8)[0]) == [below, above]


def test_date_range_includes_its_start_and_excludes_its_end(connection: psycopg.Connection, read: Any) -> None:
    days = [insert_session(connection, created_at=f"2026-10-0{day}T00:00:00Z") for day in (1, 2, 3)]
    start = datetime(2026, 10, 1, tzinfo=UTC)
    assert ids(read(created_after=start, created_before=start + timedelta(days=2))[0]) == days[:2]
    assert ids(read(created_after=start + timedelta(microseconds=1))[0]) == days[1:]


def test_limit_keeps_the_newest_or_oldest_and_ties_in_time_go_by_id(connection: psycopg.Connection, read: Any) -> None:
    first, second, third = (insert_session(connection) for _ in range(3))
    old = insert_session(connection, created_at="2020-01-01T00:00:00Z")
    assert ids(read(limit=2)[0]) == [second, third]
    assert ids(read(limit=2, order="oldest")[0]) == [first, old]
    sessions, tally = read(limit=3)
    assert (len(sessions), tally.matched, tally.filtered) == (3, 3, {"limit": 1})


ODD_DATES = {
    "infinity": "infinity",
    "-infinity": "-infinity",
    "0044-03-15 00:00:00+00 BC": "0044-03-15 00:00:00+00 BC",
    "10001-01-01T00:00:00Z": "10001-01-01 00:00:00+00",
    "0999-12-31T23:59:59Z": "0999-12-31 23:59:59+00",
}


@pytest.mark.parametrize(("stored", "shown"), ODD_DATES.items())
def test_a_date_that_nobody_can_read_is_none_and_said_and_ends_nothing(
    connection: psycopg.Connection, read: Any, stored: str, shown: str
) -> None:
    before, odd, after = (insert_session(connection, created_at=day) for day in ("2026-10-01", stored, "2026-10-02"))
    sessions, tally = read()
    assert ids(sessions) == [before, odd, after]
    assert sessions[1] == replace(sessions[0], id=str(odd), created_at=None)
    assert (tally.matched, tally.dropped, tally.missing) == (3, {}, {"createdAt": 1})
    (problem,) = tally.unreadable
    assert problem.startswith(f"session {odd}: created_at {shown} cannot be read")


@pytest.mark.parametrize("stored", ODD_DATES)
def test_a_date_that_nobody_can_read_passes_no_date_condition_and_comes_last_in_any_order(
    connection: psycopg.Connection, read: Any, stored: str
) -> None:
    odd, dated = insert_session(connection, created_at=stored), insert_session(connection)
    for bound in (
        {"created_after": datetime(1, 1, 2, tzinfo=UTC)},
        {"created_before": datetime(9999, 1, 1, tzinfo=UTC)},
    ):
        sessions, tally = read(**bound)
        assert (ids(sessions), list(tally.filtered.values()), tally.missing) == ([dated], [1], {})
    for order in ("newest", "oldest"):
        assert ids(read(limit=1, order=order)[0]) == [dated]
        assert ids(read(offset=1, order=order)[0]) == [odd]


def test_sessions_are_chosen_and_taken_out_by_their_ids(connection: psycopg.Connection, read: Any) -> None:
    first, second, third = (insert_session(connection) for _ in range(3))
    sessions, tally = read(session_ids=(str(first), str(third), "no number"))
    assert (ids(sessions), tally.filtered) == ([first, third], {"sessionIds": 1})
    sessions, tally = read(exclude_session_ids=(str(first), str(third), "no number"))
    assert (ids(sessions), tally.filtered) == ([second], {"excludeSessionIds": 2})
    assert tally.absent == ("no number",)


def test_pages_by_offset_and_limit_hold_every_session_once(connection: psycopg.Connection, read: Any) -> None:
    stored = [insert_session(connection, created_at=f"2026-10-0{day}T00:00:00Z") for day in (3, 1, 2, 1, 3)]
    pages = [ids(read(limit=2, offset=offset)[0]) for offset in (0, 2, 4, 6)]
    assert pages == [[stored[0], stored[4]], [stored[2], stored[3]], [stored[1]], []]
    sessions, tally = read(limit=2, offset=1)
    assert (len(sessions), tally.filtered) == (2, {"offset": 1, "limit": 2})


def test_a_learning_key_that_is_a_number_is_found_as_the_sdk_finds_it(
    connection: psycopg.Connection, read: Any
) -> None:
    by_the_sdk = "SELECT id FROM sessions WHERE metadata ->> 'learning_key' = '42' ORDER BY id"
    for key in (42, "42", 43, None, "042"):
        insert_session(connection, metadata={"learning_key": key})
    sessions, _ = read(learning_keys=("42",))
    assert [(id,) for id in ids(sessions)] == connection.execute(by_the_sdk).fetchall()
    assert {session.learning_key for session in sessions} == {"42"}


def test_statuses_are_compared_in_any_case(connection: psycopg.Connection, read: Any) -> None:
    kept = insert_session(connection, status="Succeeded", review_status="APPROVED")
    insert_session(connection, status="Failed")
    (session,), tally = read(status=("succeedeD",))
    assert (session.id, session.status, session.review_status) == (str(kept), "succeeded", "approved")
    assert tally.filtered == {"status": 1}


def test_older_lanes_and_missing_metadata_load(connection: psycopg.Connection, read: Any) -> None:
    insert_session(connection, metadata=None)
    insert_session(connection, metadata=[1, 2])
    insert_session(connection, metadata={"execution_mode": "escalate"})
    sessions, _ = read()
    assert [session.execution_mode for session in sessions] == [None, None, "escalate"]
    assert [session.learning_key for session in sessions] == [None, None, None]


def test_mode_is_filtered_as_it_is_read(connection: psycopg.Connection, read: Any) -> None:
    by_summary = insert_session(connection, metadata={"adaptive_summary": {"adaptive_mode": "coach"}})
    insert_session(connection, metadata={"execution_mode": "auto", "adaptive_summary": {"adaptive_mode": "coach"}})
    (session,) = read(execution_modes=("coach",))[0]
    assert (int(session.id), session.execution_mode) == (by_summary, "coach")


def test_events_stored_twice_by_a_failed_finalisation_count_once(connection: psycopg.Connection, read: Any) -> None:
    insert_session(connection, status="failed", events=run_events() * 2)
    (session,) = read(**ANY)[0]
    assert session.steps[0].attempts == TWO_ATTEMPTS


def test_failed_session_with_events_alone_keeps_its_attempts(connection: psycopg.Connection, read: Any) -> None:
    events = run_events(["Refund sent", None])
    insert_session(connection, status="failed", final_answer="", plan=None, outputs=(), notes=(), events=events)
    (session,) = read(**ANY)[0]
    assert session.steps == (Step(1, "", (StepAttempt("Refund sent", NOTE),)),)
    assert session.final_answer == ""


def test_failed_session_without_anything_loads(connection: psycopg.Connection, read: Any) -> None:
    insert_session(
        connection, status="failed", final_answer=None, reward=None, reward_stats=None, plan=None, outputs=(), notes=(),
    )  # fmt: skip
    (session,) = read(**ANY)[0]
    assert (session.steps, session.final_answer, session.reward) == ((), "", None)


def test_running_row_with_partial_children_loads(connection: psycopg.Connection, read: Any) -> None:
    outputs = ["Refund sent", "Refunded"]
    insert_session(connection, status="running", final_answer=None, outputs=outputs, events=attempt_events(outputs[0]))
    (session,) = read(status=("running",))[0]
    assert session.steps[0].attempts == TWO_ATTEMPTS


def test_session_with_one_attempt_needs_no_events(connection: psycopg.Connection, read: Any) -> None:
    insert_session(connection, outputs=("Refunded",), notes=())
    (session,) = read()[0]
    assert session.steps[0].attempts == (StepAttempt("Refunded"),)


def test_blank_or_missing_step_result_is_found_in_the_events(connection: psycopg.Connection, read: Any) -> None:
    for stored in ("", None):
        insert_session(connection, outputs=("Refunded",), notes=(), step_results=[(1, stored, 1)])
    assert [session.steps[0].attempts for session in read()[0]] == [(StepAttempt("Refunded"),)] * 2


def test_unknown_number_of_attempts_is_found_in_the_events(connection: psycopg.Connection, read: Any) -> None:
    insert_session(connection, step_results=[(1, "Refunded", None)])
    assert read()[0][0].steps[0].attempts == TWO_ATTEMPTS


def test_nodes_of_the_agents_own_graph_are_no_answers(connection: psycopg.Connection, read: Any) -> None:
    false_end = event("TASK_END", "agent", actor="student", output="AgentDecision.END")
    insert_session(connection, events=[*run_events(), false_end])
    assert read()[0][0].steps[0].attempts == TWO_ATTEMPTS


def test_answers_of_older_events_in_plain_text_and_calls_with_actors_load(
    connection: psycopg.Connection, read: Any
) -> None:
    plain = [event("TASK_END", "step_1", output=text) for text in ("Refund sent", "Refunded")]
    calls = [
        event("LLM_END", "gpt", actor=actor, output=text)
        for actor, text in (("student", "Refund sent"), ("teacher", NOTE), ("student", "Refunded"))
    ]
    odd = [event("TASK_END", "step_1", output={"output": {"result": {"order": 12}}, "trace": "long"})]
    for events in (plain, calls, odd):
        insert_session(connection, step_results=[], events=events)
    attempts = [session.steps[0].attempts for session in read()[0]]
    assert attempts == [TWO_ATTEMPTS, TWO_ATTEMPTS, (StepAttempt('{"order": 12}', NOTE),)]


def test_event_rows_of_any_shape_are_harmless(connection: psycopg.Connection, read: Any) -> None:
    shapes: list[Any] = [[], "text", 3, {"payload": None}, {"payload": [1]}, {"payload": {"event_type": "TASK_END"}}]
    insert_session(connection, events=[*shapes, *run_events()])
    assert read()[0][0].steps[0].attempts == TWO_ATTEMPTS


def test_attempts_come_in_id_order_also_beyond_200_events(connection: psycopg.Connection, read: Any) -> None:
    noise = [event("CUSTOM_START", "tool", input=number) for number in range(300)]
    insert_session(connection, events=[*run_events()[:6], *noise, *run_events()[6:]])
    (session,) = read()[0]
    assert session.steps[0].attempts[0].output == "Refund sent"
    assert session.steps[0].attempts[-1].output == "Refunded"


def test_children_go_to_their_own_session(connection: psycopg.Connection, read: Any) -> None:
    first = insert_session(
        connection, step_results=[(1, "A1", 1)], plan=plan("a", "b"), notes=(), outputs=(), events=[]
    )
    second = insert_session(connection, step_results=[(1, "B1", 1)], plan=None, notes=(), outputs=(), events=[])
    insert_session(connection, status="failed")
    third = insert_session(connection)
    insert_result(connection, first, 2, "A2", 1)
    insert_events(connection, first, [])
    steps = {int(session.id): session.steps for session in read()[0]}
    assert steps == {
        first: (Step(1, "a", (StepAttempt("A1"),)), Step(2, "b", (StepAttempt("A2"),))),
        second: (Step(1, "", (StepAttempt("B1"),)),),
        third: (Step(1, "Answer in one go", TWO_ATTEMPTS),),
    }


def test_long_answers_with_strange_separators_survive(connection: psycopg.Connection, read: Any) -> None:
    long, short = "line\u2028next\u2029ß " * 13_000, "\u2028short\u2029"
    insert_session(connection, outputs=(long, short), final_answer=long, task=long)
    (session,) = read()[0]
    assert (session.task, session.final_answer) == (long, long)
    assert session.steps[0].attempts == (StepAttempt(long, NOTE), StepAttempt(short))


def test_two_reads_give_the_same_sessions_in_the_same_order(connection: psycopg.Connection, read: Any) -> None:
    for _ in range(5):
        insert_session(connection)
    assert read()[0] == read()[0]
