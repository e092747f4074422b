"""Specs and statuses as the API server stores them, read as the types of `atlas_api`. Pure.

CRDs and operators are upgraded one after the other: fields that only a newer version knows are kept aside and named,
and what is left is read.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from pydantic import ValidationError

from atlas_api import parse
from atlas_api.base import ApiModel
from atlas_api.errors import InvalidManifest
from atlas_operator.cluster.document import Document

Model = TypeVar("Model", bound=ApiModel)

_NAMED = 5
"""Largest number of unknown fields that are named."""


@dataclass(frozen=True, slots=True)
class SpecRead(Generic[Model]):
    """A spec as it was read."""

    spec: Model | None
    """The spec; None where it breaks rules that this version knows."""

    problems: tuple[str, ...] = ()
    """Mistakes of a spec that is None."""

    unknown: tuple[str, ...] = ()
    """Fields that were kept aside, since the definition is of a newer version than this one."""


def read_spec_as(model: type[Model], document: Document) -> SpecRead[Model]:
    """The spec, or its mistakes. The API server has checked it, unless the object is older than a rule of the CRD."""
    text = json.dumps(document.get("spec", {}))
    try:
        return SpecRead(model.model_validate_json(text, by_alias=True, by_name=False))
    except ValidationError as error:
        if unknown := _unknown_fields(error):
            return _read_the_rest(model, text, unknown)
        spec, problems = _read_slowly(model, text)
        return SpecRead(spec if isinstance(spec, model) else None, problems)


def read_status_as(model: type[Model], document: Document) -> Model:
    """The status as it was written, without fields of newer versions. What else cannot be read counts as none."""
    try:
        return model.model_validate_json(json.dumps(document.get("status", {})), extra="ignore")
    except ValidationError:
        return model()


def _read_the_rest(model: type[Model], text: str, unknown: tuple[str, ...]) -> SpecRead[Model]:
    try:
        return SpecRead(model.model_validate_json(text, by_alias=True, by_name=False, extra="ignore"), unknown=unknown)
    except ValidationError:
        return SpecRead(None, _read_slowly(model, text)[1])


def _unknown_fields(error: ValidationError) -> tuple[str, ...]:
    """Paths of the fields that no type has. The API server stores none of those unless its CRD is newer."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    paths = [".".join(map(str, each["loc"])) for each in problems if each["type"] == "extra_forbidden"]
    return tuple(sorted(set(paths))[:_NAMED])


@lru_cache(maxsize=128)
def _read_slowly(model: type[ApiModel], text: str) -> tuple[ApiModel | None, tuple[str, ...]]:
    """Read with every rule and a sentence for every mistake: many milliseconds, and the answer stays the same."""
    try:
        return parse(model, json.loads(text)), ()
    except InvalidManifest as error:
        return None, tuple(error.problems)
