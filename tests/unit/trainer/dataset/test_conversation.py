"""Sessions become conversations and rows, seen from the student or from the teacher."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_trainer.dataset.conversation import Role, conversation, grpo_row
from atlas_trainer.dataset.rows import Message, Row
from atlas_trainer.traces.session import Session, Step, StepAttempt

RETRIED = Step(1, "Answer in one go", (StepAttempt("Shipped", "Check the order state first"), StepAttempt("Refunded")))


def make_session(
    *steps: Step,
    task: str = "Refund order 12",
    final_answer: str = "Refunded",
    status: str = "succeeded",
    system_prompt: str | None = None,
    ground_truth: str | None = None,
) -> Session:
    return Session(
        id="7",
        task=task,
        status=status,
        review_status="approved",
        created_at=datetime(2026, 10, 1, tzinfo=UTC),
        final_answer=final_answer,
        reward=0.86,
        steps=steps,
        learning_key="refunds",
        system_prompt=system_prompt,
        ground_truth=ground_truth,
    )


def row_of(session: Session, role: Role = "student") -> Row:
    row = grpo_row(session, role)
    assert isinstance(row, Row)
    return row


def turns(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in messages]


def test_the_student_learns_the_failed_attempt_and_the_corrected_one_with_the_guidance_between() -> None:
    whole = conversation(make_session(RETRIED), "student")
    assert turns(whole.messages) == [
        ("user", "Refund order 12"),
        ("assistant", "Shipped"),
        ("user", "Check the order state first"),
        ("assistant", "Refunded"),
    ]
    assert whole.learnt == (1, 3)


def test_the_teacher_learns_the_guidance_in_answer_to_the_task_and_the_attempt() -> None:
    whole = conversation(make_session(RETRIED), "teacher")
    assert turns(whole.messages) == [
        ("user", "Refund order 12\n\nShipped"),
        ("assistant", "Check the order state first"),
    ]
    assert whole.learnt == (1,)


def test_the_system_prompt_goes_first_and_only_to_the_student() -> None:
    session = make_session(RETRIED, system_prompt="You refund orders.")
    assert conversation(session, "student").messages[0] == {"role": "system", "content": "You refund orders."}
    assert conversation(session, "student").learnt == (2, 4)
    assert "You refund orders." not in str(conversation(session, "teacher").messages)


def test_later_steps_are_introduced_by_their_description() -> None:
    session = make_session(
        Step(1, "Look the order up", (StepAttempt("It is paid"),)),
        Step(2, "Refund it", (StepAttempt("Done"),)),
        Step(3, "  ", (StepAttempt("Mailed"),)),
    )
    assert turns(conversation(session, "student").messages) == [
        ("user", "Refund order 12"),
        ("assistant", "It is paid"),
        ("user", "Refund it"),
        ("assistant", "Done"),
        ("user", "Step 3"),
        ("assistant", "Mailed"),
    ]


def test_guidance_that_nothing_answered_is_left_out_for_the_student() -> None:
    session = make_session(Step(1, "", (StepAttempt("Shipped", "Check the order state first"),)))
    assert turns(conversation(session, "student").messages)[-1] == ("assistant", "Shipped")


def test_an_attempt_repeated_without_guidance_replaces_the_one_before() -> None:
    session = make_session(Step(1, "", (StepAttempt("Shipped"), StepAttempt("Refunded"))))
    assert turns(conversation(session, "student").messages) == [("user", "Refund order 12"), ("assistant", "Refunded")]


def test_a_blank_attempt_is_not_a_turn() -> None:
    session = make_session(Step(1, "", (StepAttempt(" ", "Say something"), StepAttempt("Refunded"))))
    assert turns(conversation(session, "student").messages) == [
        ("user", "Refund order 12\n\nSay something"),
        ("assistant", "Refunded"),
    ]


def test_a_row_holds_the_prompt_of_the_first_attempt_without_its_guidance() -> None:
    row = row_of(make_session(RETRIED))
    assert turns(row.prompt) == [("user", "Refund order 12")]
    assert (row.turn, row.recorded, row.reference) == (1, "Shipped", "Refunded")
    assert (row.session_id, row.learning_key, row.reward) == ("7", "refunds", 0.86)


def test_a_row_of_several_steps_asks_for_the_last_one_after_the_accepted_attempts() -> None:
    row = row_of(
        make_session(RETRIED, Step(2, "Tell the customer", (StepAttempt("Hi", "Be polite"), StepAttempt("Dear X"))))
    )
    assert turns(row.prompt) == [
        ("user", "Refund order 12"),
        ("assistant", "Refunded"),
        ("user", "Tell the customer"),
    ]
    assert (row.turn, row.recorded) == (3, "Hi")


def test_steps_that_were_never_tried_are_ignored() -> None:
    row = row_of(make_session(RETRIED, Step(2, "Tell the customer", ())))
    assert turns(row.prompt) == [("user", "Refund order 12")]


def test_a_first_step_that_was_never_tried_does_not_swallow_the_description_of_the_second() -> None:
    row = row_of(make_session(Step(1, "Look", ()), Step(2, "Refund it", (StepAttempt("Done"),))))
    assert turns(row.prompt) == [("user", "Refund order 12\n\nRefund it")]


def test_a_session_without_steps_uses_its_final_answer() -> None:
    session = make_session()
    assert row_of(session).recorded == "Refunded"
    assert turns(conversation(session, "student").messages)[-1] == ("assistant", "Refunded")


def test_the_recorded_truth_comes_before_the_final_answer() -> None:
    assert row_of(make_session(RETRIED, ground_truth="42")).reference == "42"


def test_the_answer_of_a_failed_session_is_no_reference() -> None:
    assert row_of(make_session(RETRIED, status="failed")).reference is None
    assert row_of(make_session(RETRIED, status="failed", ground_truth="42")).reference == "42"


def test_the_row_of_a_teacher_ends_before_the_first_guidance() -> None:
    row = row_of(make_session(RETRIED), "teacher")
    assert turns(row.prompt) == [("user", "Refund order 12\n\nShipped")]
    assert (row.turn, row.recorded, row.reference) == (1, *["Check the order state first"] * 2)


@pytest.mark.parametrize(
    ("session", "role", "cause"),
    [
        pytest.param(make_session(RETRIED, task=" "), "student", "noTask", id="blank task"),
        pytest.param(make_session(RETRIED, task=""), "teacher", "noTask", id="no task, for the teacher"),
        pytest.param(make_session(final_answer=" "), "student", "noAnswer", id="no step and no final answer"),
        pytest.param(
            make_session(Step(1, "", (StepAttempt(""),)), final_answer=""),
            "student",
            "noAnswer",
            id="only blank attempts",
        ),
        pytest.param(make_session(Step(1, "", (StepAttempt("Done"),))), "teacher", "noGuidance", id="accepted at once"),
        pytest.param(
            make_session(Step(1, "", (StepAttempt("Done", " "),))), "teacher", "noGuidance", id="blank guidance note"
        ),
    ],
)
def test_sessions_that_cannot_become_a_row_say_why(session: Session, role: Role, cause: str) -> None:
    assert grpo_row(session, role) == cause


def test_a_row_survives_json() -> None:
    row = row_of(make_session(RETRIED, system_prompt="You refund orders."))
    assert Row.from_json(row.to_json()) == row


# Every utterance is a different marked text, so that its place in a prompt can be found.
steps = st.lists(
    st.lists(st.tuples(st.booleans(), st.booleans()), max_size=3),
    max_size=3,
).map(
    lambda plan: tuple(
        Step(
            number,
            f"<description {number}>",
            tuple(
                StepAttempt(
                    f"<output {number}.{index}>" if spoke else "", f"<guidance {number}.{index}>" if guided else None
                )
                for index, (spoke, guided) in enumerate(tries)
            ),
        )
        for number, tries in enumerate(plan, start=1)
    )
)


@given(steps, st.sampled_from(["student", "teacher"]))
def test_roles_alternate_and_end_with_a_learnt_turn(plan: tuple[Step, ...], role: Role) -> None:
    whole = conversation(make_session(*plan), role)
    roles = [message["role"] for message in whole.messages]
    assert roles == (["user", "assistant"] * len(roles))[: len(roles)]
    assert len(roles) % 2 == 0
    assert whole.learnt == tuple(range(1, len(roles), 2))


@given(steps, st.sampled_from(["student", "teacher"]))
def test_no_label_stands_in_its_own_prompt(plan: tuple[Step, ...], role: Role) -> None:
    row = grpo_row(make_session(*plan, final_answer="<final>"), role)
    if not isinstance(row, Row):
        return
    in_front = "".join(message["content"] for message in row.prompt)
    assert row.recorded not in in_front
    assert "<guidance" not in in_front
    assert "<final>" not in in_front
    assert row.prompt[-1]["role"] == "user"
