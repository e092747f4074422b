"""
Structural schemas, the only kind that the API server takes, from the API types.

A structural schema has no references, no null and no alternatives; descriptions are the docstrings of the fields and of
their types. It knows no resource and no file.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from atlas_api.base import ApiModel

Schema = dict[str, Any]

_INT32 = 2**31 - 1
_KEPT = (
    "type",
    "format",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "minimum",
    "maximum",
    "default",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-validations",
)


def structural(model: type[ApiModel]) -> Schema:
    """The structural schema of *model*, a type of the API, with its rules and defaults."""
    schema = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _structural(schema, schema.get("$defs", {}))


def without_defaults(schema: Schema) -> Schema:
    """*schema* in which nothing is filled in: for what programs write and nobody else completes."""
    return _map_parts({key: value for key, value in schema.items() if key != "default"}, without_defaults)


class _Generator(GenerateJsonSchema):
    """JSON Schema with what only Kubernetes knows: rules, and formats of numbers."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        rules = getattr(schema["cls"], "RULES", ())
        found = super().model_schema(schema)
        if rules:
            found["x-kubernetes-validations"] = [{"rule": rule.expression, "message": rule.message} for rule in rules]
        return found

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Optional means absent: the API server drops a null."""
        return self.generate_inner(schema["schema"])

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        fits = schema.get("le", _INT32 + 1) <= _INT32
        return {**super().int_schema(schema), "format": "int32" if fits else "int64"}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        return {**super().float_schema(schema), "format": "double"}


def _structural(schema: Mapping[str, Any], types: Mapping[str, Schema]) -> Schema:
    """*schema* in the structural form; *types* are what its references name."""
    given = _resolved(schema, types)
    kept = {key: given[key] for key in _KEPT if key in given}
    description = _description(schema, types)
    node = {**({"description": description} if description else {}), **kept, **_bounds(given)}
    if "properties" in given:
        parts = {name: _structural(part, types) for name, part in sorted(given["properties"].items())}
        node |= {"properties": parts, **({"required": given["required"]} if "required" in given else {})}
    if "items" in given:
        # What is filled in inside a list makes the object differ from Git for ever: tools compare lists as they are.
        node["items"] = without_defaults(_structural(given["items"], types))
    if isinstance(given.get("additionalProperties"), dict):
        node["additionalProperties"] = _structural(given["additionalProperties"], types)
    if given.get("additionalProperties") is True:
        node["x-kubernetes-preserve-unknown-fields"] = True
    return _with_plain_default(node)


def _resolved(schema: Mapping[str, Any], types: Mapping[str, Schema]) -> Schema:
    target = types[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    return {**target, **schema}


def _bounds(given: Schema) -> Schema:
    """Exclusive bounds in the form of OpenAPI 3.0: a flag beside the bound."""
    bounds: Schema = {}
    for name, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in given:
            bounds |= {name: given[exclusive], exclusive: True}
    return bounds


def _description(schema: Mapping[str, Any], types: Mapping[str, Schema]) -> str:
    """What the field says, then what its type says, each sentence once and none that a longer one begins with."""
    texts = [schema.get("description", "")]
    if "$ref" in schema:
        texts.append(types[schema["$ref"].rpartition("/")[2]]["description"])
    sentences = list(dict.fromkeys(sentence for text in texts for sentence in _sentences(text)))
    bare = [sentence.rstrip(".") for sentence in sentences]
    kept = [
        one for one, words in zip(sentences, bare, strict=True) if sum(other.startswith(words) for other in bare) == 1
    ]
    return " ".join(kept)


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) ", _unwrapped(text)) if text else []


def _unwrapped(text: str) -> str:
    """Paragraphs in one line each."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


def _with_plain_default(node: Schema) -> Schema:
    """*node* with a default only where absent differs from it: not so for nothing, an empty list and an empty map."""
    default = _plain(node.pop("default", None))
    if default not in (None, [], {}) or ("properties" in node and default is not None):
        # Rules meet the default of an object before its fields have theirs, so it is complete.
        node["default"] = default
    return node


def _plain(default: Any) -> Any:
    if not isinstance(default, dict):
        return default
    parts = {name: _plain(part) for name, part in default.items()}
    return {name: part for name, part in parts.items() if part not in (None, [], {})}


def _map_parts(schema: Schema, function: Any) -> Schema:
    """*schema* with *function* applied to the schemas of its fields, entries and values."""
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {name: function(part) for name, part in schema["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in schema:
            changed[name] = function(schema[name])
    return changed
