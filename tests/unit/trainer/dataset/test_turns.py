"""Turns of a session: what the agent was asked each time, as recorded, rebuilt, or the task alone."""

import tracemalloc

from support.traces.sessions import RETRIED, asked, make_session, turns

from atlas_trainer.dataset.turns import turns_of
from atlas_trainer.traces.session import Step, StepAttempt

SYSTEM = {"role": "system", "content": "Answer in JSON."}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": {"order": 12}}}
CALLS = {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]}
RESULT = {"role": "tool", "content": "paid", "tool_call_id": "c1"}
PROMPT = (SYSTEM, {"role": "user", "content": "Step ID: 1"})


def test_a_recorded_prompt_is_the_prompt() -> None:
    (turn,) = turns_of(make_session(Step(1, "Refund it", (StepAttempt("Refunded", asked=PROMPT),))))
    assert (turn.prompt, turn.origin, turn.output, turn.is_answer) == (PROMPT, "recorded", "Refunded", True)


def test_each_call_of_the_model_is_a_turn_with_the_tools_results_before_it() -> None:
    attempt = StepAttempt("Refunded", asked=(*PROMPT, CALLS, RESULT))
    call, answer = turns_of(make_session(Step(1, "Refund it", (attempt,))))
    assert (call.prompt, call.is_answer) == (PROMPT, False)
    written = '{"name": "look_up", "arguments": {"order": 12}}'
    assert call.output == f"Let me see.\n<tool_call>\n{written}\n</tool_call>"
    assert (answer.prompt, answer.output) == ((*PROMPT, CALLS, RESULT), "Refunded")


def test_a_refused_attempt_is_marked_and_its_guidance_stands_in_front_of_the_next_one() -> None:
    first, second = turns_of(make_session(RETRIED))
    assert (first.refused, first.guidance, second.refused, second.guidance) == (True, "Check the order", False, None)
    assert asked(first).endswith("Guidance History: []")
    assert asked(second).endswith('Guidance History: [\n  "Check the order"\n]')
    assert [turn.attempt for turn in (first, second)] == [1, 2]


def test_a_prompt_is_rebuilt_in_the_order_in_which_the_sdk_writes_it() -> None:
    steps = (
        Step(1, "Look the order up", (StepAttempt("It is paid"),)),
        Step(2, "Refund it", (StepAttempt("Done"),), depends_on=(1,)),
    )
    turn = turns_of(make_session(*steps, system_prompt="You refund orders."))[1]
    assert turn.origin == "rebuilt"
    assert turns(turn.prompt) == [
        ("system", "You refund orders."),
        (
            "user",
            "Step ID: 2\nDescription: Refund it\nOriginal Task:\nRefund order 12\nDependencies: [1]\n"
            "Validated Prior Results (artifacts when available): "
            '{\n  "1": {\n    "output_text": "It is paid"\n  }\n}\nGuidance History: []',
        ),
    ]


def test_without_a_plan_the_task_is_all_that_is_known() -> None:
    for steps in ((), (Step(1, " ", (StepAttempt("Refunded"),)),)):
        (turn,) = turns_of(make_session(*steps))
        assert (turns(turn.prompt), turn.origin, turn.output) == ([("user", "Refund order 12")], "taskOnly", "Refunded")


def test_the_system_prompt_of_the_caller_goes_first() -> None:
    (turn,) = turns_of(make_session(system_prompt="You refund orders."))
    assert turns(turn.prompt)[0] == ("system", "You refund orders.")


def test_a_session_without_any_answer_has_no_turn() -> None:
    assert turns_of(make_session(Step(1, "", (StepAttempt(" "),)), final_answer=" ")) == []


def test_a_blank_attempt_is_no_turn_and_its_guidance_counts() -> None:
    (turn,) = turns_of(make_session(Step(1, "Refund it", (StepAttempt(" ", "Say something"), StepAttempt("Refunded")))))
    assert turn.output == "Refunded"
    assert "Say something" in asked(turn)


def test_prompts_of_a_long_session_are_made_only_where_they_are_wanted() -> None:
    """All of them together are as long as the square of the session: 4 GB here."""
    steps = [Step(number, "Go on", (StepAttempt("x" * 1000),)) for number in range(3000)]
    tracemalloc.start()
    try:
        found = turns_of(make_session(*steps))
        assert found[-1].prompt[-1]["content"].count("output_text") == 2999
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == 3000
    assert peak < 100 * 1024 * 1024
