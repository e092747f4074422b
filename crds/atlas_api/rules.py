"""Evaluate the CEL rules of the API types in Python, with the same text that the API server evaluates."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, get_args, get_origin

import celpy
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from atlas_api.base import ApiModel

_FEW = 16

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


@lru_cache(maxsize=256)
def _program(expression: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(expression))


def _holds(expression: str, document: dict[str, Any]) -> bool:
    """Whether the rule holds. Where it meets a missing, mistyped or huge value it says nothing: the schema does."""
    try:
        return bool(_program(expression).evaluate({"self": json_to_cel(document)}))
    except (CELEvalError, ValueError, TypeError, AttributeError):  # celpy lets errors of Python through
        return True


def model_in(annotation: Any, base: type[Model]) -> type[Model] | None:
    """The kind of *base* inside `X`, `X | None` or `tuple[X, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, base):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part, base))), None)


def broken_rules(model: type[ApiModel], document: Any, *, is_valid: bool = True) -> Iterator[tuple[Path, str]]:
    """Path and message of every broken rule in *document*, a wire document of type *model*, depth first.

    *is_valid*: whether it fits the schema. Where not, the first entries of lists and mappings are looked at alone.
    """
    return _broken(model, _cut(model, document, None if is_valid else _FEW), ())


def _broken(model: type[ApiModel], document: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if not isinstance(document, dict):
        return
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = model_in(field.annotation, ApiModel)
        if inner is None or key not in document:
            continue
        value = document[key]
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _broken(inner, item, (*path, key, index))
        elif not _is_container(field.annotation):  # something else in place of a list is no entry of it
            yield from _broken(inner, value, (*path, key))
    for rule in model.RULES:
        if not _holds(rule.expression, document):
            yield path, rule.message


def _cut(model: type[ApiModel], document: Any, few: int | None) -> Any:
    """*document* with lists and mappings no longer than its schema allows, which says so itself, or than *few*.

    Rules compare entries with each other: over thousands of them they would take hours. Over entries of a wrong type
    they gather errors, each of which holds those before it twice.
    """
    if not isinstance(document, dict):
        return document
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return {key: _cut_field(fields[key], value, few) if key in fields else value for key, value in document.items()}


def _cut_field(field: FieldInfo, value: Any, few: int | None) -> Any:
    most = few or next((limit.max_length for limit in field.metadata if hasattr(limit, "max_length")), None)
    inner = model_in(field.annotation, ApiModel)
    if isinstance(value, list):
        return [_cut(inner, entry, few) if inner else entry for entry in value[:most]]
    holds_many = _is_container(field.annotation)
    if isinstance(value, dict):
        return dict(islice(value.items(), most)) if holds_many or inner is None else _cut(inner, value, few)
    return value[:1] if isinstance(value, str) and holds_many else value


def _is_container(annotation: Any) -> bool:
    """Whether *annotation* is `tuple[...]`, `dict[...]`, or one of these `| None`."""
    return get_origin(annotation) in (tuple, dict) or any(map(_is_container, get_args(annotation)))
