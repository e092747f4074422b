"""
What a model was asked and what it said in one call, from the attributes and events of its span. Pure.

OpenTelemetry's GenAI conventions have had three forms: attributes with messages in parts (from 1.37 of the semantic
conventions on, and in their own repository since), an event for each message (1.28 to 1.36), and an event each for
prompt and completion (up to 1.27). Beside them there are numbered attributes (`otel_flat`).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from atlas_api.inputs.budgets import OverBudgetError
from atlas_trainer.traces.formats.chat import THOUGHTS, called, chat_message, role_of
from atlas_trainer.traces.formats.otel_flat import flat_messages
from atlas_trainer.traces.formats.record import NOT_FINITE, UnreadableRecordError
from atlas_trainer.traces.loose_json import NotFiniteError, decoded, get, is_one_of, loads
from atlas_trainer.traces.messages import Message, content_text

Attributes = Mapping[str, Any]
Event = tuple[str, Attributes]
"""Name and attributes of a span's event."""

_PARTS = '[{"type":'
_RAISE = "raise the limit on the length of attributes (OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT)"
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
        return _of_message_events(events) or _of_numbered(attributes) or _of_content_events(attributes, events)
    parts = _whole(system, "text", "gen_ai.system_instructions")
    instructions = _messages([{"role": "system", "parts": parts}], "the instructions") if parts else ()
    return Exchange(
        (*instructions, *_messages(_whole(asked, "user", "gen_ai.input.messages"), "input message")),
        next(iter(_messages(_whole(said, "assistant", "gen_ai.output.messages"), "output message")), None),
    )


def _first(places: Iterable[Attributes], name: str) -> Any:
    return next((place[name] for place in places if place.get(name) is not None), None)


def _whole(value: Any, kind: str, name: str) -> list[Any]:
    """`_list` for the attribute *name*. Raises UnreadableRecordError for what is neither plain text nor such a list.

    Limits on the length of attributes cut JSON, and half of it would be learnt as the user's words.
    """
    if value is None or (isinstance(value, str) and not value.lstrip().startswith(("[", "{"))):
        return _list(value, kind)
    if not _holds_objects(_json(value, name)):
        raise UnreadableRecordError(f"{name} is neither a text nor a list of messages")
    return _list(value, kind)


def _json(value: Any, name: str) -> Any:
    """*value*, decoded where it is text of JSON. Raises UnreadableRecordError where that text is cut short."""
    try:
        return loads(value) if isinstance(value, str) else value
    except NotFiniteError as error:
        raise UnreadableRecordError(f"{name} has {NOT_FINITE}") from error
    except OverBudgetError as error:
        raise UnreadableRecordError(f"{name} is JSON {error}") from error
    except ValueError as error:
        raise UnreadableRecordError(f"{name} is JSON cut short; {_RAISE}") from error


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
            texts.append(_text(part, name))
        elif kind in ("tool_call", "function_call") and isinstance(get(part, "name"), str):
            calls.append(called(part["name"], part.get("arguments"), part.get("id"), name))
        elif kind == "tool_call_response":
            yield _result(part)
        elif not is_one_of(kind, THOUGHTS):
            raise UnreadableRecordError(f"{name} has a part that is neither text nor call nor result of a tool")
    message: Message = {"role": role, "content": "".join(texts)}
    if role == "assistant" and calls:
        message["tool_calls"] = calls
    if texts or calls:
        yield message


def _text(part: Mapping[str, Any], name: str) -> str:
    if part.get("content") is None:
        raise UnreadableRecordError(f"{name} has a part of text without content")
    return content_text(part["content"])


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
        body = {**attributes, **_object(attributes, "gen_ai.event.content")}
        if role := _ROLE_OF_EVENT.get(name):
            asked.append(_of_body(body, role, f"event {place}"))
        elif name == "gen_ai.choice" and answer is None:
            answer = _of_body({**body, **_object(body, "message")}, "assistant", f"event {place}")
    return Exchange(tuple(asked), answer) if asked or answer else None


def _of_body(body: Attributes, role: str, name: str) -> Message:
    content, calls = body.get("content"), body.get("tool_calls")
    parts = decoded(content) if isinstance(content, str) and content.startswith("[{") else content
    if isinstance(content, str) and content.startswith(_PARTS):
        parts = _json(content, f"{name} ({role})")
    if not (_holds_objects(parts) and all("type" in part for part in parts)):
        parts = None if content is None else content_text(content)
    entry = {
        "role": role,
        "content": parts,
        "tool_calls": _json(calls, f"tool_calls of {name}") if calls else None,
        "tool_call_id": body.get("id"),
    }
    return chat_message(entry, name)


def _of_content_events(attributes: Attributes, events: Iterable[Event]) -> Exchange:
    """The exchange in an event, or attribute, each for prompt and completion."""
    places = [attributes, *(found for _, found in events)]
    asked = _unless_cut(_first(places, "gen_ai.prompt"), "user", "gen_ai.prompt")
    said = _unless_cut(_first(places, "gen_ai.completion"), "assistant", "gen_ai.completion")
    return Exchange(_messages(asked, "prompt"), next(iter(_messages(said, "completion")), None))


def _unless_cut(value: Any, kind: str, name: str) -> list[Any]:
    """`_list` for the attribute *name*, which may be plain text. Raises UnreadableRecordError for a list cut short."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        _json(value, name)
    return _list(value, kind)


def _of_numbered(attributes: Attributes) -> Exchange | None:
    """The exchange in an attribute for each part of each message. None when there is no such attribute."""
    asked, said = (
        [
            _of_body({**entry, "id": entry.get("tool_call_id")}, entry["role"], f"{prefix}.{place}")
            for place, entry in enumerate(flat_messages(attributes, prefix, role))
        ]
        for prefix, role in (("gen_ai.prompt", "user"), ("gen_ai.completion", "assistant"))
    )
    return Exchange(tuple(asked), next(iter(said), None)) if asked or said else None


def _holds_objects(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _object(body: Attributes, name: str) -> dict[str, Any]:
    """The object in *body* under *name*, structured or as JSON text. Empty where there is none."""
    value = body.get(name)
    found = _json(value, name) if isinstance(value, str) and value.startswith("{") else value
    return found if isinstance(found, dict) else {}
