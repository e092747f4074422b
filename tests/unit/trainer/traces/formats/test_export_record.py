"""Records of every exporter become sessions."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.traces.exports import metadata, session_record, step_record, task_events

from atlas_trainer.traces.formats.export_record import session_from_record
from atlas_trainer.traces.formats.record import UnreadableRecordError
from atlas_trainer.traces.session import Session, Step, StepAttempt


def read_record(**fields: Any) -> Session:
    return session_from_record(session_record(**fields))


# A record of today's exporter


def test_an_exported_session_is_read_whole() -> None:
    events = [
        *task_events("Paid back?", attempt=1),
        *task_events("Refunded", attempt=2, guidance=["Check the order state first"], start_id=3),
    ]
    assert read_record(trajectory_events=events) == Session(
        id="7",
        task="Refund order 7",
        status="succeeded",
        review_status="approved",
        created_at=datetime(2025, 11, 20, 10, tzinfo=UTC),
        final_answer="Refunded",
        reward=0.86,
        steps=(
            Step(
                1,
                "Answer in one go",
                (StepAttempt("Paid back?", "Check the order state first"), StepAttempt("Refunded")),
            ),
        ),
        learning_key="refunds",
        tags=("crm", "eu"),
        project="/srv/agent",
        execution_mode="paired",
    )


def test_events_may_come_newest_first_as_text_and_in_the_metadata() -> None:
    events = [
        {**entry, "event": json.dumps(entry["event"])}
        for entry in reversed([*task_events("First", attempt=1), *task_events("Second", attempt=2, start_id=3)])
    ]
    session = read_record(session_metadata=metadata(trajectory_events=events))
    assert [attempt.output for attempt in session.steps[0].attempts] == ["First", "Refunded"]


def test_what_the_caller_recorded_for_training_is_kept() -> None:
    session = read_record(session_metadata=metadata(ground_truth=0, executor_system_prompt="You refund."))
    assert (session.ground_truth, session.system_prompt) == ("0", "You refund.")


def test_the_execution_mode_at_the_top_level_fills_a_gap_in_the_metadata() -> None:
    assert read_record(session_metadata=metadata(execution_mode="")).execution_mode == "paired"
    assert read_record(session_metadata=metadata(execution_mode="coach")).execution_mode == "coach"


# Older records


def test_a_task_is_all_that_a_record_needs() -> None:
    assert session_from_record({"task": "Do"}) == Session(
        id="",
        task="Do",
        status="failed",
        review_status="approved",
        created_at=None,
        final_answer="",
        reward=None,
        steps=(),
    )


def test_a_record_without_review_status_is_older_than_the_review_gate_and_counts_as_approved() -> None:
    assert read_record(review_status=None).review_status == "approved"
    assert (
        read_record(review_status=None, session_metadata=metadata(review_status="pending")).review_status == "pending"
    )


def test_the_exported_review_status_wins_over_the_copy_in_the_metadata_which_goes_stale() -> None:
    assert read_record(
        review_status="quarantined", session_metadata=metadata(review_status="approved")
    ).review_status == ("quarantined")


def test_what_had_to_be_assumed_is_named() -> None:
    assert read_record().missing == ()
    assert read_record(review_status=None).missing == ("reviewStatus",)
    assert read_record(session_metadata=metadata(status="ticket closed")).missing == ("status",)
    assert read_record(session_metadata=metadata(created_at="infinity")).missing == ("createdAt",)
    assert session_from_record({"task": "Do"}).missing == ("status", "reviewStatus", "createdAt")


def test_statuses_in_another_case_are_the_same_words() -> None:
    session = read_record(review_status="Approved", review_notes="Fine", session_metadata=metadata(status="FAILED"))
    assert (session.status, session.review_status, session.approved_by_person) == ("failed", "approved", True)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"session_metadata": metadata(status="running")}, "running"),
        ({"session_metadata": {}}, "succeeded"),
        ({"session_metadata": {}, "final_answer": ""}, "succeeded"),
        ({"session_metadata": {}, "final_answer": " ", "steps": []}, "failed"),
        ({"session_metadata": metadata(status="ticket closed")}, "succeeded"),
        ({"session_metadata": metadata(status=["open"])}, "succeeded"),
    ],
)
def test_a_missing_or_foreign_status_is_told_by_whether_there_is_an_answer(fields: dict[str, Any], status: str) -> None:
    assert read_record(**fields).status == status


@pytest.mark.parametrize(
    ("fields", "reward"),
    [
        ({"session_reward": {"score": 0.5}}, 0.5),
        ({"session_reward": '{"score": 0.5}'}, 0.5),
        ({"session_reward": None, "reward": {"score": 0.4}}, 0.4),
        ({"session_reward": {}, "reward": 0.4}, 0.4),
        ({"session_reward": None, "session_metadata": metadata(session_reward={"score": 0.3})}, 0.3),
        ({"session_reward": None, "session_metadata": metadata(reward_stats={"score_mean": 0.2})}, 0.2),
        ({"session_reward": 1}, 1.0),
        ({"session_reward": True}, None),
        ({"session_reward": {"score": float("nan")}}, None),
        ({"session_reward": "great"}, None),
        ({"session_reward": None}, None),
    ],
)
def test_the_reward_is_read_from_every_place_it_was_ever_written_to(
    fields: dict[str, Any], reward: float | None
) -> None:
    assert read_record(reward_stats=None, **fields).reward == reward


def test_metadata_and_steps_may_be_json_in_a_string() -> None:
    record = session_record()
    packed = {key: json.dumps(record[key]) for key in ("session_metadata", "steps", "plan")}
    assert session_from_record({**record, **packed}) == session_from_record(record)


@pytest.mark.parametrize(
    "value", ["soon", 1763632800, None, "infinity", "0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00Z"]
)
def test_a_creation_time_that_is_none_is_unknown(value: Any) -> None:
    assert read_record(session_metadata=metadata(created_at=value)).created_at is None


def test_a_creation_time_without_a_zone_counts_as_utc() -> None:
    session = read_record(session_metadata=metadata(created_at="2025-11-20 10:00:00"))
    assert session.created_at == datetime(2025, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize("reward", [1.0, {"process": 0.8}, "0.5", [], None])
def test_step_rewards_of_any_shape_are_no_obstacle(reward: Any) -> None:
    assert len(read_record(steps=[step_record(reward=reward)]).steps) == 1


@pytest.mark.parametrize(
    ("entry", "step_id"),
    [({"step_id": 4}, 4), ({"id": 5}, 5), ({"step_id": "6"}, 6), ({"step": {"id": 8}}, 8), ({}, 1), ({"id": "a"}, 1)],
)
def test_a_step_id_stands_in_one_of_several_places_or_is_the_place_in_the_list(
    entry: dict[str, Any], step_id: int
) -> None:
    session = read_record(plan={}, steps=[{"output": "done", **entry}])
    assert [step.id for step in session.steps] == [step_id]


def test_steps_with_the_same_id_are_all_kept() -> None:
    session = read_record(plan={}, steps=[{"id": 1, "output": "a"}, {"id": 1, "output": "b"}, {"output": "c"}])
    assert [(step.id, step.attempts[0].output) for step in session.steps] == [(1, "a"), (2, "b"), (3, "c")]


def test_a_description_comes_from_the_plan_else_from_the_step() -> None:
    session = read_record(
        plan={"steps": [{"id": 1, "description": "planned"}, {"id": 2, "description": ""}]},
        steps=[{"id": 1, "description": "x", "output": "a"}, {"step": {"id": 2, "description": "own"}, "output": "b"}],
    )
    assert [step.description for step in session.steps] == ["planned", "own"]


@pytest.mark.parametrize("guidance", ["Look again", ["Look again"], [{"note": "Look again"}]])
def test_guidance_is_a_text_or_a_list(guidance: Any) -> None:
    session = read_record(steps=[step_record(attempts=None, guidance=guidance, metadata={})])
    assert session.steps[0].attempts == (StepAttempt("Refunded", "Look again"),)


@pytest.mark.parametrize("attempts", [None, "2", 2, [{}, {}], {}, -1, "many"])
def test_a_number_of_attempts_of_any_shape_loses_no_answer(attempts: Any) -> None:
    assert read_record(steps=[step_record(attempts=attempts)]).steps[0].attempts[-1].output == "Refunded"


def test_answers_that_are_no_text_come_as_text() -> None:
    session = read_record(final_answer={"deliverable": "Refunded"}, steps=[step_record(output=[1, "é"])])
    assert (session.final_answer, session.steps[0].attempts[-1].output) == ("Refunded", '[1, "é"]')


@pytest.mark.parametrize("record", [[], "text", 7, None, {}, {"task": " "}, {"task": {"text": "Do"}}])
def test_a_record_that_is_no_object_or_has_no_task_is_unreadable(record: Any) -> None:
    with pytest.raises(UnreadableRecordError, match=r"not a JSON object|no task"):
        session_from_record(record)


KNOWN_FIELDS = (
    "id step_id steps event payload score judges samples data output metadata attempt attempt_history evaluation"
    " validation name event_type input step tags"
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["{}", "[1]"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN_FIELDS.split()), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(session_record(trajectory_events=[], reward=None))), VALUES))
def test_no_value_of_any_type_in_any_field_is_an_error_of_its_own(fields: dict[str, Any]) -> None:
    session = session_from_record({**session_record(), **fields, "task": "Do"})
    assert session.task == "Do"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("ids", [lambda number: number, lambda number: 1, lambda number: number % 5000])
def test_a_record_of_very_many_steps_is_read_as_fast_as_others(ids: Callable[[int], int]) -> None:
    """With time by the square of the steps this takes many minutes."""
    steps = [{"step_id": ids(number), "output": "Done", "attempts": 1} for number in range(40_000)]
    session = read_record(steps=steps, plan=None)
    assert len({step.id for step in session.steps}) == len(session.steps) == 40_000


@pytest.mark.timeout(120)
def test_events_that_share_an_id_are_told_apart_as_fast_as_others() -> None:
    answer = {"event_type": "LLM_END", "UUID": "one", "metadata": {"actor": "student", "step_id": 1}}
    events = [{"payload": {**answer, "data": {"output": f"Answer {number}"}}} for number in range(40_000)]
    session = read_record(steps=[], plan=None, trajectory_events=events)
    assert len(session.steps) <= 1
