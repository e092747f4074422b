"""
Chat messages as a session holds them, and how those that the SDK recorded become such. Pure.

The form is that of chat APIs and chat templates: `role` (system, user, assistant, tool) and `content`, a text; an
assistant that calls tools has `tool_calls`, a tool's result has `tool_call_id` where one was recorded.
"""

import json
from collections.abc import Mapping
from typing import Any

from atlas_trainer.traces.loose_json import NotFiniteError, get, items, loads, text

Message = dict[str, Any]
"""A chat message: `role`, `content`, and what belongs to tools."""

_ROLES: Mapping[str, str] = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
"""Type of a LangChain message, as the SDK records it -> role."""


def recorded_messages(value: Any) -> tuple[Message, ...]:
    """The `messages` of an event as chat messages. Empty when one of them cannot be read: half a prompt is none."""
    messages = [_recorded(entry) for entry in items(value)]
    return tuple(message for message in messages if message) if all(messages) else ()


def content_text(content: Any) -> str:
    """The text of a message's content: a text as it is, the texts of a list of parts joined, other values as JSON."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content)
    return json.dumps(content, ensure_ascii=False)


def tool_call(name: str, arguments: Any, identifier: Any = None) -> Message:
    """One entry of `tool_calls`. *arguments* is an object, or JSON text of one; anything else is kept under `raw`.

    Raises NotFiniteError for JSON text with a number that JSON does not have.
    """
    parsed = _parsed(arguments) if isinstance(arguments, str) else arguments
    function = {"name": name, "arguments": parsed if isinstance(parsed, dict) else {"raw": arguments}}
    call = {"type": "function", "function": function}
    return {"id": identifier, **call} if text(identifier) else call


def calls_text(message: Message) -> str:
    """What an assistant's message says with its tool calls written out, each as JSON between `<tool_call>` marks.

    The form in which Hermes and Qwen models speak; the text alone where nothing is called.
    """
    calls = [
        "<tool_call>\n" + json.dumps(call["function"], ensure_ascii=False) + "\n</tool_call>"
        for call in message.get("tool_calls") or ()
    ]
    return "\n".join([*([message["content"]] if message["content"] else []), *calls])


def _recorded(entry: Any) -> Message | None:
    role = _ROLES.get(str(get(entry, "type")))
    if role is None:
        return None
    message: Message = {"role": role, "content": content_text(get(entry, "content"))}
    try:
        calls = [
            tool_call(name, get(call, "args"), get(call, "id"))
            for call in items(get(entry, "tool_calls"))
            if (name := text(get(call, "name")))
        ]
    except NotFiniteError:
        return None
    if role == "assistant" and calls:
        message["tool_calls"] = calls
    if role == "tool" and (identifier := text(get(entry, "tool_call_id"))):
        message["tool_call_id"] = identifier
    return message


def _parsed(arguments: str) -> Any:
    try:
        return loads(arguments)
    except NotFiniteError:
        raise
    except ValueError:
        return None


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    found = get(part, "text")
    return found if isinstance(found, str) else json.dumps(part, ensure_ascii=False)
