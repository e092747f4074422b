"""
What a model was asked and what it said in one call, from the attributes and events of its span. Pure.

OpenTelemetry's GenAI conventions have had three forms: attributes with messages in parts (from 1.37 of the semantic
conventions on, and in their own repository since), an event for each message (1.28 to 1.36), and an event each for
prompt and completion (up to 1.27).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from atlas_trainer.traces.formats.chat import THOUGHTS, chat_message, role_of
from atlas_trainer.traces.formats.record import UnreadableRecordError
from atlas_trainer.traces.loose_json import decoded, get
from atlas_trainer.traces.messages import Message, content_text, tool_call

Attributes = Mapping[str, Any]
Event = tuple[str, Attributes]
"""Name and attributes of a span's event."""

_DETAILS = "gen_ai.client.inference.operation.details"
_ROLE_OF_EVENT = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


class Exchange(NamedTuple):
    """Messages that a model was given, and the one that it answered with. Empty and None: not recorded."""

    asked: tuple[Message, ...]
    answer: Message | None


NOTHING = Exchange((), None)
"""Exchange of a call whose messages were not recorded."""


def exchange_of(attributes: Attributes, events: Iterable[Event]) -> Exchange:
    """The messages of a call, in the newest form that was recorded; of several choices the first.

    Raises UnreadableRecordError when one of them cannot be read.
    """
    events = list(events)
    details = [attributes, *(found for name, found in events if name == _DETAILS)]
    system = _first(details, "gen_ai.system_instructions")
    asked = _first(details, "gen_ai.input.messages")
    said = _first(details, "gen_ai.output.messages")
    if system is None and asked is None and said is None:
        return _of_message_events(events) or _of_content_events(attributes, events)
    instructions = _messages([{"role": "system", "parts": _list(system, "text")}], "the instructions") if system else ()
    return Exchange(
        (*instructions, *_messages(_list(asked, "user"), "input message")),
        next(iter(_messages(_list(said, "assistant"), "output message")), None),
    )


def _first(places: Iterable[Attributes], name: str) -> Any:
    return next((place[name] for place in places if place.get(name) is not None), None)


def _list(value: Any, kind: str) -> list[Any]:
    """A list that may be JSON text; other text is one message of the role *kind*, or one part of the type `text`."""
    found = decoded(value)
    if _holds_objects(found):
        return list(found)
    if not isinstance(value, str) or not value.strip():
        return []
    return [{"type": kind, "content": value} if kind == "text" else {"role": kind, "content": value}]


def _messages(entries: Iterable[Any], name: str) -> tuple[Message, ...]:
    return tuple(
        message for place, entry in enumerate(entries, start=1) for message in _with_parts(entry, f"{name} {place}")
    )


def _with_parts(entry: Any, name: str) -> Iterator[Message]:
    """A message in parts as chat messages: results of tools are messages of their own, in front of its text."""
    if not isinstance(get(entry, "parts"), list):
        yield chat_message(entry, name)
        return
    role = role_of(entry, name)
    texts, calls = [], []
    for part in entry["parts"]:
        kind = get(part, "type")
        if kind == "text":
            texts.append(content_text(get(part, "content")))
        elif kind in ("tool_call", "function_call") and isinstance(get(part, "name"), str):
            calls.append(tool_call(part["name"], part.get("arguments") or {}, part.get("id")))
        elif kind == "tool_call_response":
            yield _result(part)
        elif kind not in THOUGHTS:
            raise UnreadableRecordError(f"{name} has a part that is neither text nor call nor result of a tool")
    message: Message = {"role": role, "content": "".join(texts)}
    if role == "assistant" and calls:
        message["tool_calls"] = calls
    if texts or calls:
        yield message


def _result(part: Mapping[str, Any]) -> Message:
    response = part.get("response", part.get("result"))
    text = response if isinstance(response, str) else json.dumps(response, ensure_ascii=False)
    identifier = part.get("id")
    named = {"tool_call_id": identifier} if isinstance(identifier, str) and identifier else {}
    return {"role": "tool", "content": text, **named}


def _of_message_events(events: Iterable[Event]) -> Exchange | None:
    """The exchange in an event for each message. None when there is no such event."""
    asked, answer = [], None
    for place, (name, attributes) in enumerate(events, start=1):
        body = {**attributes, **(_object(attributes.get("gen_ai.event.content")) or {})}
        if role := _ROLE_OF_EVENT.get(name):
            asked.append(_of_body(body, role, f"event {place}"))
        elif name == "gen_ai.choice" and answer is None:
            answer = _of_body({**body, **(_object(body.get("message")) or {})}, "assistant", f"event {place}")
    return Exchange(tuple(asked), answer) if asked or answer else None


def _of_body(body: Attributes, role: str, name: str) -> Message:
    content = body.get("content")
    parts = decoded(content) if isinstance(content, str) and content.startswith("[{") else content
    is_parts = _holds_objects(parts) and all("type" in part for part in parts)
    entry = {
        "role": role,
        "content": parts if is_parts else content,
        "tool_calls": _list(body.get("tool_calls"), role),
        "tool_call_id": body.get("id"),
    }
    return chat_message(entry, name)


def _of_content_events(attributes: Attributes, events: Iterable[Event]) -> Exchange:
    """The exchange in an event, or attribute, each for prompt and completion."""
    places = [attributes, *(found for _, found in events)]
    asked = _list(_first(places, "gen_ai.prompt"), "user")
    said = _list(_first(places, "gen_ai.completion"), "assistant")
    return Exchange(_messages(asked, "prompt"), next(iter(_messages(said, "completion")), None))


def _holds_objects(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _object(value: Any) -> dict[str, Any] | None:
    found = decoded(value)
    return found if isinstance(found, dict) else None
