"""
Keywords of JSON Schema as `json_schema` needs them: the schema is the user's, the text is not.

jsonschema's own take time without bound for some texts (a pattern that backtracks, a list whose items are compared in
pairs), and calculate multiples in floats, where 0.07 is no multiple of 0.01.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from typing import Any

from jsonschema import ValidationError, validators
from jsonschema.protocols import Validator

from atlas_rewards.verifiers.pattern import SECONDS, found

_END: ContextVar[float] = ContextVar("end", default=math.inf)


@contextmanager
def patterns_bounded() -> Iterator[None]:
    """Inside, all patterns together may take `SECONDS`; then they raise TimeoutError."""
    token = _END.set(time.monotonic() + SECONDS)
    try:
        yield
    finally:
        _END.reset(token)


def with_our_keywords(draft: type[Validator]) -> type[Validator]:
    """*draft* with those of our keywords that it has."""
    ours = {name: keyword for name, keyword in _KEYWORDS.items() if name in draft.VALIDATORS}
    return validators.extend(draft, ours)  # type: ignore[no-untyped-call,no-any-return]


def _pattern(validator: Validator, pattern: str, text: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(text, "string") and not _matches(pattern, text):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], members: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(members, "object"):
        for pattern, schema in patterns.items():
            for name, value in members.items():
                if _matches(pattern, name):
                    yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, members: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(members, "object"):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in members.items():
        if name not in known and not any(_matches(pattern, name) for pattern in patterns):
            if validator.is_type(rule, "object"):
                yield from validator.descend(value, rule, path=name)
            elif rule is False:
                yield ValidationError(f"{name!r} is unexpected")


def _unique_items(validator: Validator, wanted: bool, items: Any, _: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(items, "array") and len({_identity(item) for item in items}) < len(items):
        yield ValidationError("has equal items")


def _multiple_of(validator: Validator, step: float, number: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(number, "number") and (_as_written(number) / _as_written(step)).denominator != 1:
        yield ValidationError(f"is no multiple of {step}")


_KEYWORDS = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
    "divisibleBy": _multiple_of,
}


def _matches(pattern: str, text: str) -> bool:
    left = _END.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return found(pattern, text, min(left, SECONDS))


def _identity(value: Any) -> Any:
    """The same for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return bool, value
    if isinstance(value, list):
        return tuple(_identity(item) for item in value)
    if isinstance(value, dict):
        return frozenset((name, _identity(member)) for name, member in value.items())
    return value


def _as_written(number: float) -> Fraction:
    return Fraction(str(number))
