"""The one way to read an API object: every mistake at once, each with its path, its value and the cure."""

import json
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from atlas_api.base import ApiModel
from atlas_api.errors import InvalidManifest
from atlas_api.rules import Path, broken_rules
from atlas_api.training import AtlasTraining
from atlas_api.yaml_document import read_documents

Model = TypeVar("Model", bound=ApiModel)

_SHOWN = 60
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def load_manifest(file: FilePath) -> AtlasTraining:
    """The AtlasTraining in *file*. Raises `InvalidManifest`, also for files that cannot be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidManifest([f"{file}: no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidManifest([f"{file}: cannot be read: {error}"]) from None
    documents = read_documents(text, str(file))
    if len(documents) > 1:
        raise InvalidManifest([f"{file}: holds {len(documents)} documents; give one AtlasTraining a file"])
    return parse(AtlasTraining, documents[0])


def parse(model: type[Model], document: dict[str, Any]) -> Model:
    """*document* (as on the wire, camelCase) as *model*. Raises `InvalidManifest` with all problems.

    Validation is that of JSON, so that Python accepts what the API server accepts: `"8"` is not a number.
    """
    try:
        parsed = model.model_validate_json(json.dumps(document, allow_nan=True))
    except ValidationError as error:
        problems = [_describe(model, details) for details in error.errors()]
        problems += [_line(path, message) for path, message in broken_rules(model, document)]
        raise InvalidManifest(problems) from None
    except (TypeError, ValueError) as error:
        raise InvalidManifest([f"holds a value that JSON cannot express: {error}"]) from None
    defaulted = parsed.model_dump(mode="json", by_alias=True, exclude_none=True)
    if problems := [_line(path, message) for path, message in broken_rules(model, defaulted)]:
        raise InvalidManifest(problems)
    return parsed


def parse_json(model: type[Model], data: bytes) -> Model:
    """*data*, a JSON document that atlas-core wrote (run.json, status.json), as *model*. Raises `InvalidManifest`."""
    try:
        document = json.loads(data)
    except ValueError as error:
        raise InvalidManifest([f"not valid JSON: {error}"]) from None
    return parse(model, document)


def _line(path: Path, message: str) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return f"{text.lstrip('.')}: {message}" if text else message


def _describe(model: type[BaseModel], details: ErrorDetails) -> str:
    """One line for one pydantic error: what is wrong, then what the field wants."""
    path: Path = details["loc"]
    owner, field_hint = _owner_and_hint(model, path)
    value = _shown(details["input"])
    kind = details["type"]
    if kind == "missing":
        message = "is required"
    elif kind == "extra_forbidden":
        known = [field.alias or name for name, field in owner.model_fields.items()]
        close = get_close_matches(str(path[-1]), known, n=1)
        message = f'unknown field; did you mean "{close[0]}"?' if close else f"unknown field; known: {', '.join(known)}"
    elif kind in _EXPECTED:
        message = f"{value} is not {_EXPECTED[kind]}"
    elif kind == "literal_error":
        message = f"{value} is not one of {details['ctx']['expected'].replace(' or ', ', ')}"
    else:
        message = f"{value}: {details['msg'][0].lower()}{details['msg'][1:]}"
    return _line(path, f"{message}. {field_hint}" if field_hint and kind != "extra_forbidden" else message)


def _owner_and_hint(model: type[BaseModel], path: Path) -> tuple[type[BaseModel], str]:
    """The model that holds the last part of *path*, and the first paragraph of that field's docstring."""
    owner: type[BaseModel] = model
    hint = ""
    for part in path:
        if isinstance(part, int):
            continue
        field = next((f for name, f in owner.model_fields.items() if part in (name, f.alias)), None)
        if field is None:
            return owner, ""
        hint = field.description or ""
        if part is not path[-1]:
            owner = _inner_model(field.annotation) or owner
    return owner, hint.split("\n\n")[0]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = getattr(annotation, "__args__", ())
    return next((found for part in parts if (found := _inner_model(part))), None)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
