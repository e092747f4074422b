"""What is scored: one completion, with the prompt it answers and what is known about the right answer."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = Mapping[str, Any]
"""A chat message: `role` and `content`; `tool_calls`, `tool_call_id` and `name` where it has them."""

_BESIDE = ("name", "tool_call_id", "tool_calls")

TEXTS = ("reference", "baseline", "plan", "teacher_trace", "student_trace", "principles")
"""Fields of an `Item` beside the completion that are text or None, and columns of a dataset."""

METADATA = {"session_id": "sessionId", "task": "task", "learning_key": "learningKey"}
"""Facts about the session: column of a row, and name in `Item.metadata`."""


@dataclass(frozen=True, slots=True)
class Item:
    """One completion to score. All texts come from outside: data, never instructions."""

    completion: str
    reference: str | None = None
    """The recorded right answer. None when none was recorded."""

    prompt: tuple[Message, ...] = ()
    """The conversation that the completion answers."""

    baseline: str | None = None
    """What the student answered without guidance."""

    plan: str | None = None
    """The student's plan."""

    teacher_trace: str | None = None
    """The guidance that was given."""

    student_trace: str | None = None
    """What the student did, step by step."""

    principles: str | None = None
    """What the caller wants judges to pay attention to."""

    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the session, for Python entry points: `sessionId`, `task`, `learningKey`."""

    def __post_init__(self) -> None:
        """Raises TypeError for what is no text: the others of a batch would suffer from it later."""
        if isinstance(self.prompt, str) or not all(isinstance(message, Mapping) for message in self.prompt):
            raise TypeError('prompt: give messages, as ({"role": "user", "content": "What is 6 times 7?"},)')
        for name in ("completion", *TEXTS):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "completion"):
                raise TypeError(f"{name}: {type(value).__name__} is no text")


def message_text(message: Message) -> str:
    """What *message* says, as one text: its content, then what it calls or answers, as JSON."""
    content = message.get("content")
    if content is not None and not isinstance(content, str):
        content = json.dumps(content, ensure_ascii=False, default=str)
    beside = {name: message[name] for name in _BESIDE if message.get(name)}
    shown = json.dumps(beside, ensure_ascii=False, separators=(",", ":"), default=str) if beside else None
    return "\n".join(part for part in (content, shown) if part)


def conversation(messages: Sequence[Message]) -> str:
    """*messages* as one text. One of a user stands alone; of several, each says who speaks."""
    if len(messages) == 1 and messages[0].get("role") == "user":
        return message_text(messages[0])
    return "\n\n".join(f"[{message.get('role')}]\n{message_text(message)}" for message in messages)


def in_common(item: Item) -> tuple[str, ...]:
    """What items that judges may compare have in common; so do some others that look much like them."""
    return tuple(text.strip() for text in (conversation(item.prompt), item.reference or "", item.principles or ""))


def by_prompt(items: Sequence[Item]) -> list[list[int]]:
    """Positions of the items that have that in common, in a list each."""
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        groups[in_common(item)].append(position)
    return list(groups.values())


def metadata_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an item's metadata says, from a row with `session_id`, `task`, `learning_key`; unknown is left out."""
    return {wire: row[name] for name, wire in METADATA.items() if row.get(name) is not None}
