"""Access to JSON whose shape nobody promised: a field that is missing or of another type is None, never an error."""

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Escape of half a character, which JSON can hold and UTF-8 cannot."""


def loads(value: str | bytes) -> Any:
    """Decode JSON, half characters replaced by `?`. Raises ValueError or RecursionError when Python cannot hold it."""
    content = value if isinstance(value, str) else value.decode()
    found = json.loads(content)
    if _HALF.search(content):
        return json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return found


def decoded(value: Any) -> Any:
    """Decode a JSON column that came as text from its driver; None when it is no JSON that Python can hold."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return None


def get(value: Any, name: str) -> Any:
    """The field of an object. None for anything that is not an object."""
    return value.get(name) if isinstance(value, dict) else None


def items(value: Any) -> list[Any]:
    """The elements of a list. Empty for anything that is not a list."""
    return value if isinstance(value, list) else []


def text(value: Any) -> str | None:
    """A string that is not blank, else None."""
    return value if isinstance(value, str) and value.strip() else None
