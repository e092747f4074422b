"""How mistakes in a manifest are worded: the field's path, the value, what is wrong with it, what the field wants.

Values below a reference to a secret are never shown, nor are passwords inside addresses.
"""

import json
import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from atlas_api.names import DNS_LABEL, DNS_SUBDOMAIN, KEY
from atlas_api.quantity import QUANTITY
from atlas_api.rules import Path, model_in
from atlas_api.text import escaped
from atlas_api.times import TIME
from atlas_api.training.pod_fields import EXTENDED_RESOURCE, LABEL_VALUE, QUALIFIED_NAME

PATTERNS = {
    DNS_SUBDOMAIN: "lower case letters, digits, dashes and dots, with a letter or digit at both ends",
    DNS_LABEL: "lower case letters, digits and dashes, with a letter or digit at both ends",
    KEY: "letters, digits, dots, dashes and underscores",
    QUANTITY: "an amount like 4, 500m or 32Gi",
    QUALIFIED_NAME: "a key of labels, like topology.kubernetes.io/zone",
    EXTENDED_RESOURCE: "a resource with the domain of its vendor, like nvidia.com/gpu",
    LABEL_VALUE: "letters, digits, dots, dashes and underscores, with a letter or digit at both ends",
    TIME: "a time like 2026-10-01T00:00:00Z",
    r"^/": "a path that begins with /",
    r"^([^/.][^/]*(/[^/.][^/]*)*)?$": "a path below the claim, like models/atlas",
    r"^[a-z][a-z0-9_]{0,39}$": "lower case letters, digits and underscores, a letter first, at most 40 in all",
    r"^s3://[^/]+(/.*)?$": "an address like s3://bucket/prefix",
    r"^https?://[^/]": "an address that begins with http:// or https://",
    r"^[^.]+([.][^.]+)*$": "names with single dots between them, like answers.0.text",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "letters, digits and underscores, no digit first",
    r"^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)?$": "the name of a table, like spans or traces.spans",
    r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$": "of the form package.module:function",
}
"""Every pattern of the API in words: "must be ..."."""

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "datetime_type": "a time",
    "datetime_parsing": "a time",
    "datetime_from_date_parsing": "a time",
}
_BOUNDS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_OTHERS = {
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "quantity": f"must be {PATTERNS[QUANTITY]}",
    "timezone_aware": "has no time zone; append Z for UTC",
}
_SHOWN = 60


def at(path: Path, message: str) -> str:
    """*message* behind the path of the field: `spec.reward.verifiers[0].name: ...`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return escaped(f"{text}: {message}" if text else message)


def describe(model: type[BaseModel], details: ErrorDetails) -> str | None:
    """One line for one pydantic error below *model*. None for an error that only repeats another."""
    path = details["loc"]
    message = _message(model, path, details)
    if message is None:
        return None
    hint = "" if details["type"] in ("extra_forbidden", "literal_error") else _hint(model, path)
    return at(path, f"{message}. {hint}" if hint else message)


def _message(model: type[BaseModel], path: Path, details: ErrorDetails) -> str | None:
    kind, bounds = details["type"], details.get("ctx", {})
    value = _shown(path, details["input"])
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        return _unknown_field(model, path)
    if kind in _TYPES:
        return f"{value} is not {_TYPES[kind]}{_cure(_TYPES[kind], details['input'])}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"{value} must be {words} {bounds[key]:.15g}"
    if kind == "too_short":
        # pydantic counts only the entries without mistakes of their own
        return None if len(details["input"]) >= bounds["min_length"] else "must not be empty"
    return f"{value} {_must(kind, bounds, details['msg'])}"


def _cure(wanted: str, value: Any) -> str:
    """What to write instead of a *value* of the wrong type, where that is plain."""
    if wanted == "a list" and isinstance(value, str | int | float):
        return "; put it in [ ]"
    if wanted == "text" and isinstance(value, int | float):
        return "; put it in quotes"
    if "number" in wanted and isinstance(value, str) and re.fullmatch(r"[-+.0-9eE]*[0-9][-+.0-9eE]*", value):
        return "; remove the quotes"
    return ""


def _must(kind: str, bounds: dict[str, Any], otherwise: str) -> str:
    """What a value of the right type must still be."""
    if kind == "literal_error":
        return f"is not {bounds['expected']}".replace("'", '"')
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS[bounds['pattern']]}"
    if kind in _OTHERS:
        return _OTHERS[kind].format(**bounds)
    return f"is refused: {otherwise[0].lower()}{otherwise[1:]}"


def _unknown_field(model: type[BaseModel], path: Path) -> str:
    owner = list(_owners(model, path))[-1]
    known = [field.alias or name for name, field in owner.model_fields.items()]
    close = get_close_matches(str(path[-1]), known, n=1)
    return f'unknown field; did you mean "{close[0]}"?' if close else f"unknown field; known: {', '.join(known)}"


def _hint(model: type[BaseModel], path: Path) -> str:
    """The docstring of the field at *path*, in one line. Empty where there is none."""
    owner = list(_owners(model, path))[-1]
    last = path[-1] if path else None
    field = next((field for name, field in owner.model_fields.items() if last in (name, field.alias)), None)
    return " ".join((field.description or "").split("\n\n")[0].split()) if field else ""


def _owners(model: type[BaseModel], path: Path) -> Iterator[type[BaseModel]]:
    """The models on the way to the last part of *path*, from *model* to the one that holds it."""
    yield model
    for part in path[:-1]:
        field = next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)
        inner = model_in(field.annotation, BaseModel) if field else None
        if inner is not None:
            model = inner
            yield model


def _shown(path: Path, value: Any) -> str:
    """*value* as JSON, cut short, without secrets."""
    if any(str(part).endswith("From") for part in path):
        return "the value (not shown)"
    text = re.sub(r"://[^/@\s]*@", "://…@", json.dumps(value, default=str, ensure_ascii=False))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
