"""Lines as other makers of traces write them, and sessions read from them."""

import json
from pathlib import Path
from typing import Any

from support.traces.exports import file_traces, jsonl

from atlas_trainer.traces.jsonl import read_files
from atlas_trainer.traces.session import Session, Tally

Document = dict[str, Any]

QUESTION = {"role": "user", "content": "State of order 12?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 12}'}}
CALLS = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "paid"}
ANSWER = {"role": "assistant", "content": "It is paid."}

ASKED_PART = {"role": "user", "parts": [{"type": "text", "content": "State of order 12?"}]}
SAID_PART = {"role": "assistant", "parts": [{"type": "text", "content": "It is paid."}], "finish_reason": "stop"}


def chat(*messages: Document, **fields: Any) -> Document:
    """A line of the format `messages`; without *messages*, a question and its answer."""
    return {"messages": list(messages or (QUESTION, ANSWER)), **fields}


def otlp_value(value: Any) -> Document:
    """*value* as OTLP writes it in JSON."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [otlp_value(entry) for entry in value]}}
        case dict():
            return {"kvlistValue": {"values": otlp_attributes(value)}}
        case _:
            return {"stringValue": value}


def otlp_attributes(attributes: Document) -> list[Document]:
    """Attributes as OTLP lists them."""
    return [{"key": key, "value": otlp_value(value)} for key, value in attributes.items()]


def otlp_span(
    attributes: Document, *, trace: str = "t1", start: int = 1_790_000_000, events: Any = (), **fields: Any
) -> Document:
    """A span; *start* in seconds of Unix time, *events* as pairs of name and attributes."""
    return {
        "traceId": trace,
        "spanId": "s1",
        "name": "chat small",
        "kind": 3,
        "startTimeUnixNano": str(start * 10**9),
        "attributes": otlp_attributes(attributes),
        "events": [{"name": name, "attributes": otlp_attributes(found)} for name, found in events],
        "status": {},
        **fields,
    }


def model_call(answer: Any = "It is paid.", asked: Any = (ASKED_PART,), **fields: Any) -> Document:
    """A span of one call of a model, its messages as JSON text; *answer* is a text or a whole message."""
    said = {**SAID_PART, "parts": [{"type": "text", "content": answer}]} if isinstance(answer, str) else answer
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": json.dumps(list(asked)),
        "gen_ai.output.messages": json.dumps([said]),
        **fields.pop("attributes", {}),
    }
    return otlp_span(attributes, **fields)


def otlp(*spans: Document, resource: Document | None = None) -> Document:
    """A line of OTLP with *spans* of one service."""
    scope = {"scope": {"name": "agent"}, "spans": list(spans)}
    return {"resourceSpans": [{"resource": {"attributes": otlp_attributes(resource or {})}, "scopeSpans": [scope]}]}


def read_lines(folder: Path, *records: Any, **traces: Any) -> tuple[list[Session], Tally]:
    """Write *records* as `traces.jsonl`, and read the sessions in them with the default filter."""
    path = folder / "traces.jsonl"
    path.write_bytes(jsonl(*records))
    tally = Tally()
    return list(read_files(file_traces(path, **traces), tally)), tally
