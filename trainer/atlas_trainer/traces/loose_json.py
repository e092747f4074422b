"""Access to JSON whose shape nobody promised: a field that is missing or of another type is None, never an error."""

import json
import math
import re
from typing import Any, Never

REPLACED = "\ufffd"
"""What is read for half a character: Unicode's replacement character."""

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Escape of half a character, which JSON can hold and UTF-8 cannot. Whole ones are written as two of them."""

_HALF_IN_BYTES = re.compile(_HALF.pattern.encode())
_HALF_DECODED = re.compile("[\ud800-\udfff]")


class NotFiniteError(ValueError):
    """Error for NaN, an infinity, or a number that is too large to be told from one: JSON has none of them."""


def loads(value: str | bytes) -> Any:
    """Decode JSON, half characters replaced by U+FFFD.

    Raises NotFiniteError, another ValueError, or RecursionError when Python cannot hold it.
    """
    content = value if isinstance(value, str) else value.decode()
    found = json.loads(content, parse_constant=_not_finite, parse_float=_finite)
    if may_hold_halves(content):
        return json.loads(_HALF_DECODED.sub(REPLACED, json.dumps(found, ensure_ascii=False)))
    return found


def may_hold_halves(content: str | bytes) -> bool:
    """Whether JSON text has escapes of half characters; pairs of them that are whole ones count as well."""
    found = _HALF.search(content) if isinstance(content, str) else _HALF_IN_BYTES.search(content)
    return found is not None


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


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _not_finite(digits)


def _not_finite(digits: str) -> Never:
    raise NotFiniteError
