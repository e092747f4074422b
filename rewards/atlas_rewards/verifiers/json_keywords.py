"""
Keywords of JSON Schema as `json_schema` needs them: the schema is the user's, the text is not.

jsonschema's own take time without bound for some texts (a pattern that backtracks, a list whose items are compared in
pairs, alternatives that both lead back to the schema, so that each level of the text doubles the work), and calculate
multiples in floats, where 0.07 is no multiple of 0.01.
"""

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from fractions import Fraction
from functools import cache
from typing import Any

import attrs
from jsonschema import ValidationError, validators
from jsonschema.protocols import Validator

from atlas_rewards.verifiers.pattern import SECONDS, matches

_END: ContextVar[float] = ContextVar("end", default=math.inf)
"""The end, in seconds of this thread's processor time: what others do meanwhile changes no outcome."""
_DRAFT: Any = validators.Draft202012Validator
_FIELDS = tuple((field.name, field.alias) for field in attrs.fields(_DRAFT) if field.init)
"""Fields of validators of any draft: attribute, and argument that it is made with."""


@contextmanager
def time_bounded() -> Iterator[None]:
    """Inside, validators of ours may take `SECONDS` together; then they raise TimeoutError."""
    token = _END.set(time.thread_time() + SECONDS)
    try:
        yield
    finally:
        _END.reset(token)


@cache
def with_our_keywords(draft: type[Validator]) -> type[Validator]:
    """*draft* with those of our keywords that it has."""
    ours = {name: keyword for name, keyword in _KEYWORDS.items() if name in draft.VALIDATORS}
    extended: Any = validators.extend(draft, ours)  # type: ignore[no-untyped-call]
    extended.evolve = _evolve
    return extended  # type: ignore[no-any-return]


def _evolve(validator: Validator, **changes: Any) -> Validator:
    """
    *validator* for another schema: the one step that every way down a schema takes. Raises TimeoutError.

    jsonschema's own forgets our keywords where a schema names its draft, as most do that refer to themselves.
    """
    _left()
    arguments = {alias: getattr(validator, name) for name, alias in _FIELDS} | changes
    kind = validators.validator_for(arguments["schema"], default=type(validator))
    return (kind if kind is type(validator) else with_our_keywords(kind))(**arguments)


def _pattern(validator: Validator, pattern: str, text: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(text, "string") and not _matches_in_time(pattern, text):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], members: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(members, "object"):
        for pattern, schema in patterns.items():
            for name, value in members.items():
                if _matches_in_time(pattern, name):
                    yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, members: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(members, "object"):
        return
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in members.items():
        if name not in properties and not any(_matches_in_time(pattern, name) for pattern in patterns):
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


def _matches_in_time(pattern: str, text: str) -> bool:
    return matches(pattern, text, min(_left(), SECONDS))


def _left() -> float:
    left = _END.get() - time.thread_time()
    if left <= 0:
        raise TimeoutError
    return left


def _identity(value: Any) -> Any:
    """A key that is equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return bool, value
    if isinstance(value, list):
        return tuple(_identity(item) for item in value)
    if isinstance(value, dict):
        return frozenset((name, _identity(member)) for name, member in value.items())
    return value


def _as_written(number: float) -> Fraction:
    return Fraction(str(number))
