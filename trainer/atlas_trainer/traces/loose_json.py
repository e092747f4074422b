"""Access to JSON whose shape nobody promised: a field that is missing or of another type is None, never an error."""

import json
import re
from collections.abc import Container
from typing import Any

from atlas_api.inputs.budgets import TRACE_LINE, NotFiniteError, decode_json

__all__ = ["REPLACED", "NotFiniteError", "decoded", "get", "is_one_of", "items", "loads", "may_hold_halves", "text"]

REPLACED = "\ufffd"
"""What is read for half a character: Unicode's replacement character."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Escape of half a character, which JSON can hold and UTF-8 cannot. Whole ones are written as two of them."""

_HALF_IN_BYTES = re.compile(_HALF.pattern.encode())
_HALF_DECODED = re.compile("[\ud800-\udfff]")


def loads(value: str | bytes) -> Any:
    """Decode JSON of at most what a line may hold, half characters replaced by U+FFFD.

    Raises NotFiniteError, OverBudgetError or another ValueError.
    """
    content = value if isinstance(value, str) else value.decode()
    found = decode_json(content, TRACE_LINE)
    if may_hold_halves(content):
        return json.loads(_HALF_DECODED.sub(REPLACED, json.dumps(found, ensure_ascii=False)))
    return found


def may_hold_halves(content: str | bytes) -> bool:
    """Whether JSON text has escapes of half characters; pairs of them that are whole ones count as well."""
    found = _HALF.search(content) if isinstance(content, str) else _HALF_IN_BYTES.search(content)
    return found is not None


def decoded(value: Any) -> Any:
    """Decode a JSON column that came as text from its driver; None when it is no JSON, or more than a line may hold."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return loads(value)
    except ValueError:
        return None


def get(value: Any, name: str) -> Any:
    """The field of an object. None for anything that is not an object."""
    return value.get(name) if isinstance(value, dict) else None


def items(value: Any) -> list[Any]:
    """The elements of a list. Empty for anything that is not a list."""
    return value if isinstance(value, list) else []


def is_one_of(value: Any, words: Container[str]) -> bool:
    """Whether *value* is one of *words*. Lists and objects, which no set can be asked for, are none."""
    return isinstance(value, str) and value in words


def text(value: Any) -> str | None:
    """A string that is not blank, else None."""
    return value if isinstance(value, str) and value.strip() else None
