"""The messages of a model's call, in each of the forms that OpenTelemetry's GenAI conventions have had."""

import json
from typing import Any

import pytest
from support.traces.other_makers import ASKED_PART, CALL, SAID_PART, otlp, otlp_span

from atlas_trainer.traces.formats.otel_messages import Exchange
from atlas_trainer.traces.formats.otel_spans import spans_of
from atlas_trainer.traces.formats.record import UnreadableRecordError

USER = {"role": "user", "content": "State of order 12?"}
SYSTEM = {"role": "system", "content": "Be short."}
ANSWER = {"role": "assistant", "content": "It is paid."}
CALLED = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": {"order": 12}}}
CALLS = {"role": "assistant", "content": "", "tool_calls": [CALLED]}
RESULT = {"role": "tool", "content": "paid", "tool_call_id": "c1"}

CALL_PART = {"type": "tool_call", "id": "c1", "name": "look_up", "arguments": {"order": 12}}
RESULT_PART = {"type": "tool_call_response", "id": "c1", "response": "paid"}


def exchange(attributes: dict[str, Any], events: Any = ()) -> Exchange:
    (span,) = spans_of(otlp(otlp_span({"gen_ai.operation.name": "chat", **attributes}, events=events)))
    found = span.exchange()
    assert found is not None
    return found


@pytest.mark.parametrize("form", [json.dumps, lambda value: value], ids=["text", "structured"])
@pytest.mark.parametrize("on_event", [True, False])
def test_messages_in_parts_are_json_text_or_structured_on_the_span_or_on_its_event(form: Any, on_event: bool) -> None:
    attributes = {
        "gen_ai.system_instructions": form([{"type": "text", "content": "Be short."}]),
        "gen_ai.input.messages": form(
            [ASKED_PART, {"role": "assistant", "parts": [CALL_PART]}, {"role": "tool", "parts": [RESULT_PART]}]
        ),
        "gen_ai.output.messages": form([SAID_PART, {**SAID_PART, "parts": []}]),
    }
    event = ("gen_ai.client.inference.operation.details", attributes)
    found = exchange({}, [event]) if on_event else exchange(attributes)
    assert found == Exchange((SYSTEM, USER, CALLS, RESULT), ANSWER)


def test_thoughts_are_left_out_and_results_in_a_users_message_are_messages_of_their_own() -> None:
    said = {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}, *SAID_PART["parts"]]}
    asked = {"role": "user", "parts": [{**RESULT_PART, "response": {"state": "paid"}}, *ASKED_PART["parts"]]}
    found = exchange({"gen_ai.input.messages": [asked], "gen_ai.output.messages": [said]})
    assert found == Exchange(({**RESULT, "content": '{"state": "paid"}'}, USER), ANSWER)


def test_an_event_for_each_message_as_until_1_36() -> None:
    events = [
        ("gen_ai.system.message", {"content": "Be short."}),
        ("gen_ai.user.message", {"content": "State of order 12?", "role": "user"}),
        ("gen_ai.assistant.message", {"tool_calls": json.dumps([CALL])}),
        ("gen_ai.tool.message", {"content": "paid", "id": "c1"}),
        ("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "It is paid."}}),
        ("gen_ai.choice", {"index": 1, "message": {"content": "Another."}}),
    ]
    assert exchange({}, events) == Exchange((SYSTEM, USER, CALLS, RESULT), ANSWER)
    wrapped = [(name, {"gen_ai.event.content": json.dumps(body)}) for name, body in events]
    assert exchange({}, wrapped) == Exchange((SYSTEM, USER, CALLS, RESULT), ANSWER)


def test_an_event_each_for_prompt_and_completion_as_until_1_27() -> None:
    events = [
        ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([SYSTEM, USER])}),
        ("gen_ai.content.completion", {"gen_ai.completion": json.dumps([ANSWER])}),
    ]
    assert exchange({}, events) == Exchange((SYSTEM, USER), ANSWER)
    plain = {"gen_ai.prompt": "State of order 12?", "gen_ai.completion": "It is paid."}
    assert exchange(plain) == Exchange((USER,), ANSWER)


NAMES = ["gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.output.messages"]
LIMIT = r"raise the limit on the length of attributes \(OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT\)"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [1, 20, -1])
def test_messages_that_a_limit_has_cut_make_the_call_unreadable(name: str, length: int) -> None:
    whole = {
        "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be short."}]),
        "gen_ai.input.messages": json.dumps([ASKED_PART]),
        "gen_ai.output.messages": json.dumps([SAID_PART]),
    }
    with pytest.raises(UnreadableRecordError, match=f"{name} is JSON cut short; {LIMIT}"):
        exchange({**whole, name: whole[name][:length]})


@pytest.mark.parametrize(
    "event",
    [
        ("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([SYSTEM, USER])[:-5]}),
        ("gen_ai.content.completion", {"gen_ai.completion": json.dumps([ANSWER])[:-5]}),
        ("gen_ai.user.message", {"gen_ai.event.content": '{"content": "State'}),
        ("gen_ai.user.message", {"content": '[{"type": "text", "text": "State'}),
        ("gen_ai.assistant.message", {"tool_calls": json.dumps([CALL])[:-5]}),
        ("gen_ai.choice", {"message": '{"content": "It is'}),
    ],
)
def test_so_do_events_that_a_limit_has_cut(event: Any) -> None:
    with pytest.raises(UnreadableRecordError, match=f"is JSON cut short; {LIMIT}"):
        exchange({}, [event])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["[1, 2]", '{"role": "user"}', {"role": "user"}, 5])
def test_what_is_neither_a_text_nor_messages_makes_the_call_unreadable(name: str, value: Any) -> None:
    with pytest.raises(UnreadableRecordError, match=f"{name} is neither a text nor a list of messages"):
        exchange({name: value})


def test_a_part_of_text_or_a_message_without_content_makes_the_call_unreadable() -> None:
    with pytest.raises(UnreadableRecordError, match="input message 1 has a part of text without content"):
        exchange({"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text"}]}]})
    with pytest.raises(UnreadableRecordError, match=r"event 1 \(user\) has no content"):
        exchange({}, [("gen_ai.user.message", {"role": "user"})])


def test_numbers_that_json_does_not_have_make_the_call_unreadable() -> None:
    part = {**CALL_PART, "arguments": '{"order": NaN}'}
    for form in (json.dumps, lambda value: value):
        with pytest.raises(UnreadableRecordError, match="output message 1 calls a tool with a number that is not"):
            exchange({"gen_ai.output.messages": form([{"role": "assistant", "parts": [part]}])})
    with pytest.raises(UnreadableRecordError, match=r"gen_ai\.output\.messages has a number that is not finite"):
        exchange({"gen_ai.output.messages": '[{"role": "assistant", "parts": [], "score": NaN}]'})


def test_a_numbered_attribute_for_each_part_of_a_message_as_older_openllmetry_writes() -> None:
    attributes = {
        "gen_ai.prompt.10.role": "tool",
        "gen_ai.prompt.10.content": "paid",
        "gen_ai.prompt.10.tool_call_id": "c1",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be short.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": '[{"type": "text", "text": "State of order 12?"}]',
        "gen_ai.prompt.2.role": "assistant",
        "gen_ai.prompt.2.tool_calls.0.id": "c1",
        "gen_ai.prompt.2.tool_calls.0.name": "look_up",
        "gen_ai.prompt.2.tool_calls.0.arguments": '{"order": 12}',
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "It is paid.",
        "gen_ai.completion.0.finish_reason": "stop",
        "llm.request.type": "chat",
    }
    assert exchange(attributes) == Exchange((SYSTEM, USER, CALLS, RESULT), ANSWER)
    del attributes["gen_ai.prompt.1.content"]
    with pytest.raises(UnreadableRecordError, match=r"gen_ai\.prompt\.1 \(user\) has no content"):
        exchange(attributes)


def test_openinferences_attributes_are_named_with_the_cure() -> None:
    attributes = {"llm.input_messages.0.message.role": "user", "llm.input_messages.0.message.content": "secret"}
    with pytest.raises(
        UnreadableRecordError, match=r"OpenInference's attributes; record them by.*input\.messages"
    ) as why:
        exchange(attributes)
    assert "secret" not in str(why.value)


@pytest.mark.parametrize("text", ["[1, 2]", '"quoted"', "12", '{"a": 1}'])
def test_a_prompt_that_happens_to_be_json_is_a_text(text: str) -> None:
    assert exchange({"gen_ai.prompt": text}).asked == ({"role": "user", "content": text},)


@pytest.mark.parametrize("text", ['[{"a": 1}]', "[{"])
def test_a_message_that_happens_to_be_json_is_a_text(text: str) -> None:
    events = [("gen_ai.user.message", {"content": text})]
    assert exchange({}, events).asked == ({"role": "user", "content": text},)


@pytest.mark.parametrize(
    "message", [{"role": "secret", "parts": []}, {"parts": []}, {"role": "user", "parts": ["secret"]}]
)
def test_a_message_that_cannot_be_read_makes_the_call_unreadable(message: Any) -> None:
    with pytest.raises(UnreadableRecordError, match="input message 1") as caught:
        exchange({"gen_ai.input.messages": json.dumps([message])})
    assert "secret" not in str(caught.value)
