"""Rows of a session: which turns, with which reference, in which form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.traces.sessions import RETRIED, make_session, turns

from atlas_api import parse
from atlas_api.training.reward import Reward
from atlas_api.training.traces import Traces
from atlas_rewards import Item, build_scorer
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.session_rows import SessionRows, sdk_text, session_rows, spread
from atlas_trainer.traces.session import Session, Step, StepAttempt

ASKED = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Step ID: 1"})


def traces(**fields: Any) -> Traces:
    return parse(Traces, {"file": {"path": "traces.jsonl"}, **fields})


def rows_of(session: Session, **fields: Any) -> list[Row]:
    return found(session, **fields).rows


def found(session: Session, **fields: Any) -> SessionRows:
    rows = session_rows(session, traces(**fields))
    assert not isinstance(rows, str), rows
    return rows


def test_each_turn_is_a_row_that_says_where_it_comes_from() -> None:
    first, second = rows_of(make_session(RETRIED))
    assert (first.session_id, first.step, first.attempt, first.turn) == ("7", 1, 1, 0)
    assert (second.step, second.attempt, second.turn) == (1, 2, 1)
    assert (first.recorded, first.refused, second.recorded, second.refused) == ("Shipped", True, "Refunded", False)
    assert (first.learning_key, first.reward, first.origin) == ("refunds", 0.86, "rebuilt")


def test_a_refused_answer_is_never_the_reference_and_the_accepted_one_is() -> None:
    assert [row.reference for row in rows_of(make_session(RETRIED))] == ["Refunded", "Refunded"]


def test_last_takes_the_turn_that_gave_the_answer() -> None:
    (row,) = rows_of(make_session(RETRIED), turns="last")
    assert (row.recorded, row.turn) == ("Refunded", 1)
    assert found(make_session(RETRIED), turns="last").left_out == {"notLast": 1}


def test_long_sessions_do_not_rule() -> None:
    steps = [Step(number, f"Step {number}", (StepAttempt(f"Answer {number}"),)) for number in range(1, 30)]
    rows = rows_of(make_session(*steps), turnsPerSession=4)
    assert [row.step for row in rows] == [8, 15, 22, 29]
    assert found(make_session(*steps), turnsPerSession=4).left_out == {"turnsPerSession": 25}


@given(st.integers(0, 50), st.integers(1, 60))
def test_a_spread_pick_is_ascending_without_repetition_and_ends_with_the_last(count: int, most: int) -> None:
    places = spread(count, most)
    assert places == sorted(set(places))
    assert len(places) == min(count, most)
    assert not places or (places[0] >= 0 and places[-1] == count - 1)


def test_rebuilt_prompts_can_be_refused() -> None:
    recorded = Step(2, "Refund it", (StepAttempt("Refunded", asked=ASKED),))
    (row,) = rows_of(make_session(RETRIED, recorded), prompts="recorded")
    assert (row.step, row.origin) == (2, "recorded")
    assert session_rows(make_session(RETRIED), traces(prompts="recorded")) == "promptNotRecorded"


def test_the_text_form_is_what_the_sdk_hands_to_its_adapters() -> None:
    answered = Step(1, "Refund it", (StepAttempt("Refunded", asked=ASKED),))
    (row,) = rows_of(make_session(answered), promptForm="text")
    assert turns(row.prompt) == [("user", "SYSTEM: Be brief.\n\nSYSTEM: Be brief.\n\nHUMAN: Step ID: 1")]
    results = [{"role": "assistant", "content": "Let me see."}, {"role": "tool", "content": "paid"}]
    assert turns(sdk_text(results)) == [("user", "AI: Let me see.\n\nTOOL: paid")]


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({}, "Refunded"),
        ({"reward": 0.8 - 1e-9}, "Refunded"),
        ({"reward": 0.79}, None),
        ({"reward": None}, None),
        ({"reward": 4.0}, None),
        ({"reward": 1.0 + 1e-9}, "Refunded"),
        ({"reward": 0.1, "approved_by_person": True}, "Refunded"),
        ({"reward": None, "approved_by_person": True}, "Refunded"),
        ({"status": "failed", "reward": 1.0, "approved_by_person": True}, None),
        ({"final_answer": " "}, None),
        ({"reward": None, "status": "failed", "ground_truth": "yes"}, "yes"),
    ],
)
def test_a_reference_is_the_ground_truth_or_an_answer_that_somebody_vouches_for(
    fields: dict[str, Any], reference: str | None
) -> None:
    (row,) = rows_of(make_session(Step(1, "", (StepAttempt("Done"),)), **fields))
    assert row.reference == reference


def test_the_reward_from_which_an_answer_is_a_reference_can_be_set() -> None:
    (row,) = rows_of(make_session(reward=0.3), reference={"minReward": 0.3})
    assert row.reference == "Refunded"


def test_an_earlier_step_is_compared_with_its_own_answer() -> None:
    look_up = Step(1, "Look it up", (StepAttempt("Lost", "Look again", number=1), StepAttempt("It is paid", number=2)))
    rows = rows_of(make_session(look_up, Step(2, "Refund it", (StepAttempt("Done"),)), ground_truth="yes"))
    assert [row.reference for row in rows] == ["It is paid", "It is paid", "yes"]


def test_a_call_of_a_tool_is_a_reference_of_which_nobody_demands_the_form_of_an_answer() -> None:
    call = {"type": "function", "function": {"name": "look_up", "arguments": {"order": 12}}}
    called = (*ASKED, {"role": "assistant", "content": "", "tool_calls": [call]}, {"role": "tool", "content": "paid"})
    first, _ = rows_of(make_session(Step(1, "", (StepAttempt("Refunded", asked=called),))))
    reward = {"verifiers": [{"name": "exact", "exactMatch": {}}], "answer": {"from": "envelope"}}
    assert build_scorer(parse(Reward, reward)).score(Item(first.recorded, first.reference)).value == 1.0


def test_the_teacher_is_told_who_speaks_and_learns_the_guidance() -> None:
    (row,) = rows_of(make_session(RETRIED), role="teacher")
    ((role, text),) = turns(row.prompt)
    assert role == "user"
    assert text.startswith("You coach an agent.")
    assert text.endswith("What the agent answered (attempt 1):\nShipped")
    assert "Original Task:\nRefund order 12" in text
    assert (row.recorded, row.reference) == ("Check the order", "Check the order")


@pytest.mark.parametrize(
    ("session", "role", "cause"),
    [
        (make_session(task=" "), "student", "noTask"),
        (make_session(final_answer=""), "student", "noAnswer"),
        (make_session(), "teacher", "noGuidance"),
    ],
)
def test_a_session_that_gives_no_row_says_why(session: Session, role: str, cause: str) -> None:
    assert session_rows(session, traces(role=role)) == cause
