"""Attempts of a step come in order: failed answer, guidance, corrected answer."""

import json
from typing import Any

import pytest
from support.sdk.rows import NOTE, Event, answer, attempt_evaluation, attempt_events, event, plan, run_events

from atlas_trainer.traces.sdk_steps import steps_of, text_of_output
from atlas_trainer.traces.session import Step, StepAttempt

ONE = plan("Answer in one go")
GOLDEN = (Step(1, "Answer in one go", (StepAttempt("Refund sent", NOTE), StepAttempt("Refunded"))),)


def result(output: str | None = "Refunded", attempts: int | None = 2, step: int = 1) -> dict[str, Any]:
    return {"step_id": step, "output": output, "attempts": attempts}


def refused(guidance: str | None = NOTE, attempt: int = 1) -> dict[str, Any]:
    return {"step_id": 1, "attempt": attempt, "evaluation": attempt_evaluation(False, guidance)}


def note(text: str = NOTE, sequence: int = 1, step: int = 1) -> dict[str, Any]:
    return {"step_id": step, "sequence": sequence, "note": text}


def call_event(actor: str, text: str) -> Event:
    return event("LLM_END", "gpt", actor=actor, output=text)


def test_failed_attempt_guidance_and_corrected_attempt_stay_in_order() -> None:
    assert steps_of(ONE, [result()], [refused()], [note()], run_events()) == GOLDEN


def test_everything_may_come_as_json_text() -> None:
    attempt = {**refused(), "evaluation": json.dumps(refused()["evaluation"])}
    events: Any = [json.dumps(each) for each in run_events()]
    assert steps_of(json.dumps(ONE), [result()], [attempt], [note()], events) == GOLDEN


def test_guidance_is_also_found_in_the_events_of_a_session_that_failed() -> None:
    assert steps_of(None, [], [], [], run_events()) == (Step(1, "", GOLDEN[0].attempts),)


def test_events_stored_twice_count_once() -> None:
    events = run_events()
    assert steps_of(ONE, [result()], [], [note()], [*events, *events]) == GOLDEN
    doubled = [each for each in events for _ in range(2)]
    assert steps_of(ONE, [result()], [], [note()], doubled) == GOLDEN


def test_same_answer_in_two_attempts_is_two_attempts() -> None:
    (step,) = steps_of(ONE, [], [], [], run_events(["Same", "Same"]))
    assert step.attempts == (StepAttempt("Same", NOTE), StepAttempt("Same"))


def test_nodes_of_the_agents_own_graph_are_no_attempts() -> None:
    events = [
        event("TASK_END", name, output="AgentDecision.END") for name in ("agent", "step_1_x", "my step_1", "step_")
    ]
    assert steps_of(ONE, [], [], [], events) == ()


def test_attempt_that_raised_is_no_turn() -> None:
    (step,) = steps_of(ONE, [], [], [], run_events(["Refund sent", None]))
    assert step.attempts == (StepAttempt("Refund sent", NOTE),)


def test_step_result_is_the_answer_of_the_last_attempt() -> None:
    (step,) = steps_of(ONE, [result("From the result")], [], [], run_events())
    assert [attempt.output for attempt in step.attempts] == ["Refund sent", "From the result"]


def test_blank_step_result_leaves_the_answer_of_the_events() -> None:
    (step,) = steps_of(ONE, [result(" ")], [], [note()], run_events())
    assert step == GOLDEN[0]


def test_step_result_alone_is_one_attempt() -> None:
    (step,) = steps_of(ONE, [result(attempts=1)], [], [], [])
    assert step.attempts == (StepAttempt("Refunded"),)


def test_note_belongs_to_its_attempt_also_where_the_answer_to_it_was_lost() -> None:
    (step,) = steps_of(ONE, [result()], [refused(), refused(None, attempt=2)], [note()], [])
    assert step.attempts == (StepAttempt("Refunded"),)


def test_events_that_end_before_the_last_attempt_keep_the_first_answer() -> None:
    (step,) = steps_of(ONE, [result()], [], [note()], attempt_events("Refund sent"))
    assert step == GOLDEN[0]


def test_refusal_without_retry_keeps_its_guidance() -> None:
    (step,) = steps_of(ONE, [result(attempts=1)], [refused()], [], [])
    assert step.attempts == (StepAttempt("Refunded", NOTE),)


def test_empty_guidance_of_the_auto_lane_is_none() -> None:
    (step,) = steps_of(ONE, [result(attempts=1)], [], [note(" ")], [])
    assert step.attempts == (StepAttempt("Refunded"),)


def test_notes_are_ordered_by_sequence() -> None:
    notes = [note("second", 2), note("first", 1)]
    (step,) = steps_of(ONE, [], [], notes, run_events(["a", "b", "c"], ["first", "second"]))
    assert step.attempts == (StepAttempt("a", "first"), StepAttempt("b", "second"), StepAttempt("c"))


def test_steps_follow_the_plan_and_steps_without_answer_are_left_out() -> None:
    described: dict[str, Any] = {
        "steps": [{"id": 2, "description": "second"}, {"id": 1, "description": "first"}, {"id": 3}]
    }
    results = [result("one", 1, step=1), result("two", 1, step=2), result("nine", 1, step=9)]
    assert [(step.id, step.description) for step in steps_of(described, results, [], [], [])] == [
        (2, "second"),
        (1, "first"),
        (9, ""),
    ]


def test_steps_do_not_take_each_others_attempts_and_notes() -> None:
    events = [*attempt_events("one", step=1), *attempt_events("two", step=2)]
    steps = steps_of(plan("first", "second"), [], [], [note("for two", step=2)], events)
    assert [step.attempts for step in steps] == [(StepAttempt("one"),), (StepAttempt("two", "for two"),)]


def test_plans_of_a_wrong_shape_are_no_plan() -> None:
    shapes: list[Any] = [[], "x", {"steps": {}}, {"steps": [None, {"id": "one"}, {}]}, {"steps": None}]
    for broken in shapes:
        (step,) = steps_of(broken, [result(attempts=1)], [], [], [])
        assert step == Step(1, "", (StepAttempt("Refunded"),))


def test_events_of_a_wrong_shape_are_skipped() -> None:
    broken: list[Any] = [{}, {"payload": None}, {"payload": {"event_type": "TASK_END", "name": None}}, "x", None]
    assert steps_of(ONE, [result()], [], [note()], [*broken, *run_events()]) == GOLDEN


@pytest.mark.parametrize(
    "endless",
    [
        event("TASK_END", f"step_{'9' * 5000}", output=answer("Refunded")),
        {
            "payload": {
                **call_event("student", "Refunded")["payload"],
                "metadata": {"actor": "student", "step_id": "9" * 5000},
            }
        },
    ],
)
def test_a_step_number_without_end_is_no_number(endless: Event) -> None:
    assert steps_of(ONE, [], [], [note()], [*run_events(), endless]) == GOLDEN
    assert steps_of({"steps": [{"id": "9" * 5000}]}, [result()], [refused()], [note()], run_events())


def test_older_sessions_load_from_calls_with_an_actor() -> None:
    events = [
        call_event("student", "draft"),
        call_event("student", "Refund sent"),
        call_event("teacher", NOTE),
        call_event("student", "Refunded"),
    ]
    assert steps_of(ONE, [], [], [], events) == GOLDEN


def test_calls_of_other_actors_are_no_turns() -> None:
    events = [
        call_event("reward", "0.4"),
        call_event("teacher", "A plan"),
        call_event("student", "Refunded"),
        call_event("learning", "x"),
    ]
    (step,) = steps_of(ONE, [], [], [], events)
    assert step.attempts == (StepAttempt("Refunded"),)


def test_task_events_win_over_calls_inside_them() -> None:
    calls = [call_event("student", "thinking"), call_event("teacher", "judging")]
    start, *others = run_events()
    assert steps_of(ONE, [result()], [], [note()], [start, *calls, *others]) == GOLDEN


def test_answer_of_200_kb_comes_whole() -> None:
    long = "ß\u2028" * 100_000
    end = event("TASK_END", "step_1", output=answer(long))
    (step,) = steps_of(ONE, [], [], [], [end])
    assert step.attempts == (StepAttempt(long),)


def test_answer_of_an_event_is_the_text_the_agent_returned() -> None:
    assert text_of_output(answer("Refunded")) == "Refunded"
    assert text_of_output({**answer("deliverable"), "context_entry": {"output_text": "raw"}}) == "raw"


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("plain", "plain"),
        ({"output": "plain"}, "plain"),
        ({"output": {"text": "inner", "deliverable": "no"}}, "inner"),
        ({"output": {"deliverable": {"a": "ß"}}}, '{"a": "ß"}'),
        ({"output": {"result": "found"}}, "found"),
        ({"text": "top"}, "top"),
        ({"error": "boom"}, ""),
        ({}, ""),
        (None, ""),
        (7, ""),
    ],
)
def test_answer_is_searched_from_the_rawest_text_down(output: Any, expected: str) -> None:
    assert text_of_output(output) == expected


def test_separators_that_are_no_newlines_and_long_answers_survive() -> None:
    long = "line\u2028next\u2029end " * 12_000
    assert text_of_output(answer(long)) == long
