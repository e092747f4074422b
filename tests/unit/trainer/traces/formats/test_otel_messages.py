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
