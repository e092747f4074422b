"""
Reader of rows that lie in a file which somebody else may have written: each value has the type that ours have.

Equal texts, messages and lessons become one object, whichever rows they stand in: agents repeat a long system prompt in
every row, and so does whoever wants a small file to take much memory.
"""

from dataclasses import replace
from typing import Any, Literal

from atlas_api.inputs.budgets import TRACE_LINE, decode_json
from atlas_trainer.dataset.rows import ORIGINS, Row
from atlas_trainer.storage.file_list import DamagedError
from atlas_trainer.traces.lessons import LESSONS, Lesson
from atlas_trainer.traces.messages import Message

Side = Literal["train", "eval"]
LabelledRow = tuple[Row, Side]
"""A row with the side of the split that it is on."""

_OPTIONAL = {"reference", "learningKey", "reward", "createdAt"}
_TEXTS = ("sessionId", "task", "reference", "recorded", "learningKey")
_OWN = ("role", "content")


class RowReader:
    """Reads one file's rows. `held` says how many characters its texts take together."""

    def __init__(self) -> None:
        self.held = 0
        self._texts: dict[str, str] = {}
        self._messages: dict[tuple[str, str, str | None], Message] = {}
        self._lessons: dict[str, tuple[Lesson, ...]] = {}

    def read(self, document: dict[str, Any]) -> LabelledRow:
        """The row that *document* holds, by column. Raises DamagedError, or what odd values of JSON lead to."""
        if missing := next((name for name in document if document[name] is None and name not in _OPTIONAL), None):
            raise DamagedError(f"a row has no {missing}")
        side, origin, created = document["split"], document["origin"], document["createdAt"]
        if side not in ("train", "eval") or origin not in ORIGINS:
            raise DamagedError("a row is on no side, or of no origin")
        if not document["prompt"]:
            raise DamagedError("a prompt has no message")
        texts = {name: self._text(document[name]) for name in _TEXTS}
        prompt = [self._message(struct) for struct in document["prompt"]]
        lessons = self._lessons_in(document["lessons"])
        row = Row.from_json({**document, **texts, "prompt": prompt, "lessons": [], "createdAt": None})
        return replace(row, created_at=created, lessons=lessons), side

    def _text(self, text: str | None) -> str | None:
        if text is None:
            return None
        found = self._texts.setdefault(text, text)
        if found is text:
            self.held += len(text)
        return found

    def _message(self, struct: dict[str, str | None]) -> Message:
        role, content, tools = struct["role"], struct["content"], struct["tools"]
        if role is None or content is None:
            raise DamagedError("a message of a prompt has no role, or no content")
        known = self._messages.get((role, content, tools))
        if known is None:
            known = {"role": role, "content": content, **_of_tools(tools)}
            self._messages[role, content, tools] = known
            self.held += len(role) + len(content) + len(tools or "")
        return known

    def _lessons_in(self, text: str) -> tuple[Lesson, ...]:
        known = self._lessons.get(text)
        if known is None:
            known = tuple(_lesson(entry) for entry in decode_json(text, TRACE_LINE))
            self._lessons[text] = known
            self.held += len(text)
        return known


def _of_tools(text: str | None) -> Message:
    """What belongs to tools in a message: calls, or of which call it is the result."""
    tools = decode_json(text, TRACE_LINE) if text else {}
    calls = tools.get("tool_calls", [])
    if any(name in tools for name in _OWN) or not isinstance(calls, list) or not all(map(_is_call, calls)):
        raise DamagedError("a message of a prompt has something else in the place of its tools")
    return dict(tools)


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _lesson(entry: Any) -> Lesson:
    fields = entry if isinstance(entry, dict) else {}
    if fields.get("kind") not in LESSONS or not isinstance(fields.get("text"), str):
        raise DamagedError("a lesson is of no kind, or has no text")
    return Lesson(fields["kind"], fields["text"])
