"""
What the API server keeps of a document, so that Python judges the same thing.

A null is the same as nothing, except in lists and below free-form fields, and a whole number is an integer however it
is written: kubectl sends 4.0 as 4. It judges nothing.
"""

from typing import Any

from pydantic import BaseModel

from atlas_api.rules import model_in

_FREE = dict[str, Any]
# From here on the JSON that kubectl writes has an exponent.
_LARGEST_WITHOUT_EXPONENT = 1e21


def stored(model: type[BaseModel], document: Any) -> Any:
    """*document*, a wire document of type *model* or anything else, as it is kept."""
    if not isinstance(document, dict):
        return _plain(document)
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    kept = {key: value for key, value in document.items() if value is not None or key not in fields}
    return {key: _stored_as(fields.get(key, Any), value) for key, value in kept.items()}


def _stored_as(annotation: Any, value: Any) -> Any:
    inner = model_in(annotation, BaseModel)
    if inner is not None:
        return [stored(inner, item) for item in value] if isinstance(value, list) else stored(inner, value)
    if isinstance(value, dict) and annotation not in (_FREE, Any):
        value = {key: item for key, item in value.items() if item is not None}
    return _plain(value)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case float() if value.is_integer() and abs(value) < _LARGEST_WITHOUT_EXPONENT:
            return int(value)
        case _:
            return value
