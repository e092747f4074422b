"""A line of chat messages is a session: what stands in front of the assistant's last words was asked."""

from typing import Any

import pytest
from support.traces.other_makers import ANSWER, CALL, CALLS, QUESTION, RESULT, chat
from support.traces.sessions import turns

from atlas_api.training.traces import TraceFields
from atlas_trainer.dataset.turns import turns_of
from atlas_trainer.traces.formats.chat import session_of_chat
from atlas_trainer.traces.formats.record import UnreadableRecordError
from atlas_trainer.traces.session import Session

SYSTEM = {"role": "system", "content": "Be short."}
WRITTEN = '<tool_call>\n{"name": "look_up", "arguments": {"order": 12}}\n</tool_call>'


def read(*messages: Any) -> Session:
    return session_of_chat(chat(*messages), TraceFields())


def test_the_last_answer_is_the_sessions_and_the_users_first_words_its_task() -> None:
    session = read(SYSTEM, QUESTION, ANSWER)
    assert (session.task, session.final_answer) == ("State of order 12?", "It is paid.")
    (turn,) = turns_of(session)
    assert (turn.prompt, turn.origin, turn.output) == ((SYSTEM, QUESTION), "recorded", "It is paid.")


def test_who_hands_in_chats_vouches_for_them() -> None:
    session = read()
    assert (session.status, session.review_status, session.approved_by_person) == ("succeeded", "approved", True)
    assert (session.reward, session.created_at) == (None, None)


@pytest.mark.parametrize("arguments", ['{"order": 12}', {"order": 12}])
def test_calls_of_tools_are_turns_and_stay_messages_for_the_next_one(arguments: Any) -> None:
    call = {**CALL, "function": {"name": "look_up", "arguments": arguments}}
    calls, answer = turns_of(read(QUESTION, {**CALLS, "tool_calls": [call]}, RESULT, ANSWER))
    assert (calls.output, calls.is_answer) == (WRITTEN, False)
    decoded = {**CALL, "function": {"name": "look_up", "arguments": {"order": 12}}}
    assert answer.prompt == (QUESTION, {"role": "assistant", "content": "", "tool_calls": [decoded]}, RESULT)


def test_a_chat_that_ends_with_calls_has_them_as_its_answer() -> None:
    assert read(QUESTION, CALLS).final_answer == WRITTEN


def test_the_older_form_of_calls_is_read_as_well() -> None:
    older = {"role": "assistant", "content": None, "function_call": CALL["function"]}
    result = {"role": "function", "name": "look_up", "content": "paid"}
    calls, answer = turns_of(read(QUESTION, older, result, ANSWER))
    assert calls.output == WRITTEN
    assert answer.prompt[-1] == {"role": "tool", "content": "paid"}


def test_what_comes_after_the_last_answer_is_left_out() -> None:
    assert read(QUESTION, ANSWER, {"role": "user", "content": "Thanks!"}) == read(QUESTION, ANSWER)


def test_a_greeting_before_the_user_speaks_is_no_turn() -> None:
    greeting = {"role": "assistant", "content": "Hello!"}
    (turn,) = turns_of(read(greeting, QUESTION, ANSWER))
    assert turns(turn.prompt) == [("assistant", "Hello!"), ("user", "State of order 12?")]


@pytest.mark.parametrize("messages", [(QUESTION,), (QUESTION, {"role": "assistant", "content": " "})])
def test_a_chat_without_an_answer_is_read_and_has_none(messages: Any) -> None:
    session = read(*messages)
    assert (session.task, session.final_answer, turns_of(session)) == ("State of order 12?", "", [])


def test_parts_of_text_are_one_text_and_thoughts_are_left_out() -> None:
    parts = [{"type": "reasoning", "text": None}, {"type": "text", "text": "It is "}, {"type": "text", "text": "paid."}]
    assert read(QUESTION, {"role": "assistant", "content": parts}).final_answer == "It is paid."


def test_a_refusal_is_what_the_assistant_said() -> None:
    refused = {"role": "assistant", "content": None, "refusal": "I cannot tell."}
    assert read(QUESTION, refused).final_answer == "I cannot tell."


@pytest.mark.parametrize(
    ("arguments", "kept"), [("not json", '"not json"'), ("[1, 2]", '"[1, 2]"'), ([1], "[1]"), (5, "5"), ("5", '"5"')]
)
def test_arguments_that_are_no_object_are_kept_under_raw(arguments: Any, kept: str) -> None:
    call = {"function": {"name": "look_up", "arguments": arguments}}
    assert f'"arguments": {{"raw": {kept}}}' in read(QUESTION, {**CALLS, "tool_calls": [call]}).final_answer


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_a_call_with_a_number_that_json_does_not_have_is_unreadable(number: str) -> None:
    call = {"function": {"name": "look_up", "arguments": f'{{"order": {number}}}'}}
    with pytest.raises(UnreadableRecordError, match="message 2 calls a tool with a number that is not finite"):
        read(QUESTION, {**CALLS, "tool_calls": [call]})


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({"role": "narrator", "content": "secret"}, "message 2 has none of the roles system, developer, user"),
        ({"role": ["secret"], "content": "x"}, "message 2 has none of the roles"),
        ("secret", "message 2 has none of the roles"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "secret"}]},
            r"message 2 \(user\) has a part that is no",
        ),
        (
            {"role": "assistant", "tool_calls": [{"function": {"arguments": "secret"}}]},
            "message 2 calls a tool without",
        ),
        ({"role": "user", "contents": "secret"}, r"message 2 \(user\) has no content"),
        ({"role": "system", "content": None}, r"message 2 \(system\) has no content"),
        ({"role": "tool", "content": []}, r"message 2 \(tool\) has no content"),
        ({"role": "user", "content": None, "tool_calls": [CALL]}, r"message 2 \(user\) has no content"),
        ({"role": "assistant", "content": None}, r"message 2 \(assistant\) has neither content nor tool_calls"),
        ({"role": "assistant", "tool_calls": []}, r"message 2 \(assistant\) has neither content nor tool_calls"),
        ({"role": "assistant", "content": "x", "tool_calls": CALL}, "message 2 has tool_calls that are no list"),
        ({"role": "assistant", "content": "x", "tool_calls": [None]}, "message 2 calls a tool without a name"),
        ({"role": "user", "content": {"text": "secret"}}, r"message 2 \(user\) has content that is neither a text nor"),
        ({"role": "tool", "content": 5}, r"message 2 \(tool\) has content that is neither a text nor a list of parts"),
    ],
)
def test_half_a_prompt_is_no_prompt_and_the_reason_quotes_nothing(message: Any, why: str) -> None:
    with pytest.raises(UnreadableRecordError, match=why) as caught:
        read(QUESTION, message, ANSWER)
    assert "secret" not in str(caught.value)
