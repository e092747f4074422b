"""
The answer in a completion, and the reference in the same form: what verifiers compare. Pure.

What a completion says before its thoughts end is none of it (`thoughts`). An agent that has to answer in JSON says more
than its answer, while a recorded reference is often the bare answer. The rules of the form, and what counts as equal,
are those of `atlas_api.training.reward.Answer`.

A turn that calls a tool gives no answer yet, so nobody can demand the form of one: where the reference is a call, both
texts are compared as they stand.
"""

import json
import re
from dataclasses import replace
from typing import Any

from atlas_api.inputs.budgets import COMPLETION, decode_json
from atlas_api.training.reward import Answer
from atlas_rewards.item import Item
from atlas_rewards.thoughts import spoken

_ENVELOPE = "result.deliverable"
_PLACE = re.compile(r"0|[1-9][0-9]{0,8}")
_CALL_ENDS = "</tool_call>"
_EXACT = 2**53
"""Size from which on floats are no exact integers."""

_NO_FORM = (ValueError, LookupError)


def answered(item: Item, answer: Answer) -> Item | None:
    """*item* with nothing but the answers in its completion and reference. None: the completion has no answer."""
    said = spoken(item, answer)
    if said is None:
        return None
    reference = said.reference
    if answer.source == "text" or (reference or "").rstrip().endswith(_CALL_ENDS):
        return said
    path = (answer.path or _ENVELOPE).split(".")
    try:
        value = _taken(said.completion, path)
    except _NO_FORM:
        return None
    if value is None:
        return None
    return replace(said, completion=_spelled(value), reference=reference and _of_reference(reference, path))


def _of_reference(reference: str, path: list[str]) -> str | None:
    """The answer in *reference*, which may be the bare answer. None where it says that there is none."""
    try:
        value = _taken(reference, path)
    except _NO_FORM:
        return _spelled(reference)
    return None if value is None else _spelled(value)


def _taken(text: str, path: list[str]) -> Any:
    """What *path* leads to in the JSON of *text*. Raises ValueError and LookupError."""
    value = _document(_unfenced(text))
    for part in path:
        if isinstance(value, list) and _PLACE.fullmatch(part):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value[part]
        else:
            raise LookupError(part)
    return value


def _unfenced(text: str) -> str:
    """*text* without a Markdown fence around it, as the SDK takes it off: one that was never closed is fine too."""
    bare = text.strip()
    if not bare.startswith("```"):
        return bare
    return bare.removeprefix("```").lstrip().removeprefix("json").strip().removesuffix("```").strip()


def _document(text: str) -> Any:
    return decode_json(text, COMPLETION, _plain)


def _spelled(value: Any) -> str:
    """*value* as text, the same for equal values. A text that is a list or an object is one, in its usual spelling."""
    if isinstance(value, str):
        try:
            inner = _document(value)
        except _NO_FORM:
            return value
        if not isinstance(inner, list | dict):
            return value
        value = inner
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _plain(number: float) -> float:
    return int(number) if number.is_integer() and abs(number) < _EXACT else number
