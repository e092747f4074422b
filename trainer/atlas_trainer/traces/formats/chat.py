"""Chats in the form of OpenAI's API: their messages, and the session that one conversation is. Pure."""

from collections.abc import Sequence
from typing import Any

from atlas_api.training.traces import TraceFields
from atlas_trainer.traces.formats.fields import at_path, described_session
from atlas_trainer.traces.formats.record import NOT_FINITE, Record, UnreadableRecordError
from atlas_trainer.traces.loose_json import NotFiniteError, get, is_one_of, items, text
from atlas_trainer.traces.messages import Message, calls_text, tool_call
from atlas_trainer.traces.session import Session, Step, StepAttempt

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
"""Role as other makers write it -> role."""

THOUGHTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
"""Types of parts that hold a model's thoughts: they are no part of its answer, and no later prompt repeats them."""


def session_of_chat(record: Record, fields: TraceFields) -> Session:
    """The session in a line with `messages`. Raises UnreadableRecordError when one of them cannot be read."""
    return session_of_messages(record, fields, chat_messages(record.get("messages")))


def session_of_messages(
    record: Record, fields: TraceFields, messages: tuple[Message, ...], given: int | None = None
) -> Session:
    """A session of one conversation. The first *given* messages hold no turns of it; None: those before the user's."""
    attempt = _attempt(messages, _before_user(messages) if given is None else given)
    return described_session(
        fields,
        at_path(record),
        task=task_of(messages),
        steps=(Step(1, "", (attempt,)),) if attempt else (),
        final_answer=attempt.output if attempt else "",
    )


def chat_messages(value: Any) -> tuple[Message, ...]:
    """A list of OpenAI's messages. Raises UnreadableRecordError for one that is none: half a prompt is no prompt."""
    return tuple(chat_message(entry, f"message {place}") for place, entry in enumerate(items(value), start=1))


def chat_message(entry: Any, name: str) -> Message:
    """One of OpenAI's messages, also of older versions. *name* is for the UnreadableRecordError when it is none."""
    role = role_of(entry, name)
    calls = _calls(entry, name) if role == "assistant" else []
    said = get(entry, "refusal") if get(entry, "content") is None and role == "assistant" else get(entry, "content")
    if said in (None, []) and not calls:
        without = "neither content nor tool_calls" if role == "assistant" else "no content"
        raise UnreadableRecordError(f"{name} ({role}) has {without}")
    message: Message = {"role": role, "content": _content(said, f"{name} ({role})")}
    if calls:
        message["tool_calls"] = calls
    if role == "tool" and (identifier := text(get(entry, "tool_call_id"))):
        message["tool_call_id"] = identifier
    return message


def role_of(entry: Any, name: str) -> str:
    """Role of a message. Raises UnreadableRecordError for one that chat templates do not know."""
    role = get(entry, "role")
    if not isinstance(role, str) or role not in ROLES:
        raise UnreadableRecordError(f"{name} has none of the roles {', '.join(ROLES)}")
    return ROLES[role]


def task_of(messages: Sequence[Message]) -> str:
    """Text of the user's first message that has one; "" when there is none."""
    said = (message["content"] for message in messages if message["role"] == "user")
    return next((content for content in said if content.strip()), "")


def called(function: str, arguments: Any, identifier: Any, name: str) -> Message:
    """One entry of `tool_calls`. *name* is of its message, for the UnreadableRecordError when it cannot be learnt."""
    try:
        return tool_call(function, {} if arguments in (None, "") else arguments, identifier)
    except NotFiniteError as error:
        raise UnreadableRecordError(f"{name} calls a tool with {NOT_FINITE}") from error


def _attempt(messages: tuple[Message, ...], given: int) -> StepAttempt | None:
    """The attempt that ends with what the assistant said last. None when it said nothing."""
    for place in range(len(messages) - 1, given - 1, -1):
        said = calls_text(messages[place]) if messages[place]["role"] == "assistant" else ""
        if said.strip():
            return StepAttempt(said, asked=messages[:place], given=given)
    return None


def _before_user(messages: Sequence[Message]) -> int:
    return next((place for place, message in enumerate(messages) if message["role"] == "user"), 0)


def _content(content: Any, name: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise UnreadableRecordError(f"{name} has content that is neither a text nor a list of parts")
    return "".join(_part(part, name) for part in content)


def _part(part: Any, name: str) -> str:
    if isinstance(part, str):
        return part
    found = get(part, "text") if isinstance(get(part, "text"), str) else get(part, "refusal")
    if isinstance(found, str):
        return found
    if is_one_of(get(part, "type"), THOUGHTS):
        return ""
    raise UnreadableRecordError(f"{name} has a part that is no text (an image?); only texts and tool_calls are learnt")


def _calls(entry: Any, name: str) -> list[Message]:
    """The calls of tools in an assistant's message, those of the older form last."""
    newer, older = get(entry, "tool_calls"), get(entry, "function_call")
    if newer is not None and not isinstance(newer, list):
        raise UnreadableRecordError(f"{name} has tool_calls that are no list")
    return [_call(call, name) for call in (*items(newer), *([] if older is None else [older]))]


def _call(entry: Any, name: str) -> Message:
    function = get(entry, "function") or entry
    wanted = text(get(function, "name"))
    if wanted is None:
        raise UnreadableRecordError(f"{name} calls a tool without a name")
    return called(wanted, get(function, "arguments"), get(entry, "id"), name)
