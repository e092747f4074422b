"""Specs and statuses as the API server stores them, read as the types of `atlas_api`. Pure."""

import json
from functools import lru_cache
from typing import TypeVar

from pydantic import ValidationError

from atlas_api import parse
from atlas_api.base import ApiModel
from atlas_api.errors import InvalidManifest
from atlas_operator.cluster.document import Document

Model = TypeVar("Model", bound=ApiModel)


def read_spec_as(model: type[Model], document: Document) -> tuple[Model | None, list[str]]:
    """The spec, or its mistakes. The API server has checked it, unless the object is older than a rule of the CRD."""
    text = json.dumps(document.get("spec", {}))
    try:
        return model.model_validate_json(text, by_alias=True, by_name=False), []
    except ValidationError:
        spec, problems = _read_slowly(model, text)
        return spec if isinstance(spec, model) else None, problems


def read_status_as(model: type[Model], document: Document) -> Model:
    """The status as it was written. One that this version cannot read counts as none."""
    try:
        return model.model_validate_json(json.dumps(document.get("status", {})))
    except ValidationError:
        return model()


@lru_cache(maxsize=128)
def _read_slowly(model: type[ApiModel], text: str) -> tuple[ApiModel | None, list[str]]:
    """Read with every rule and a sentence for every mistake: many milliseconds, and the answer stays the same."""
    try:
        return parse(model, json.loads(text)), []
    except InvalidManifest as error:
        return None, error.problems
