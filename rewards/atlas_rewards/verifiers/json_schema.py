"""Is the completion JSON of the right shape? A schema refers to itself or to a known draft: nothing is fetched."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from jsonschema import SchemaError, validators
from jsonschema.protocols import Validator
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from referencing.exceptions import Unresolvable
from referencing.jsonschema import SchemaResource, specification_with

from atlas_api.reward import JsonSchema
from atlas_rewards.item import Item
from atlas_rewards.verifiers.json_keywords import patterns_bounded, with_our_keywords
from atlas_rewards.verifiers.pattern import SECONDS
from atlas_rewards.verifiers.verdict import Unknown, Unusable, Verdict, Verify

_NEWEST = "https://json-schema.org/draft/2020-12/schema"
_DRAFTS: dict[str, type[Validator]] = {
    _NEWEST: validators.Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": validators.Draft201909Validator,
    "http://json-schema.org/draft-07/schema": validators.Draft7Validator,
    "http://json-schema.org/draft-06/schema": validators.Draft6Validator,
    "http://json-schema.org/draft-04/schema": validators.Draft4Validator,
    "http://json-schema.org/draft-03/schema": validators.Draft3Validator,
}
_REFERENCES = ("$ref", "$dynamicRef")
_FENCE = re.compile(r"```[A-Za-z0-9_-]*[ \t]*\r?\n(.*)```", re.DOTALL)


def json_schema_verifier(config: JsonSchema) -> Verify:
    """The check against `config.document`. Raises Unusable when that is no schema, or refers to another document."""
    validator = _validator(config.document)

    def fits(item: Item) -> Verdict:
        try:
            with patterns_bounded():
                return float(validator.is_valid(_parsed(item.completion)))
        except (ValueError, RecursionError):  # not JSON, or nested deeper than any sensible answer
            return 0.0
        except TimeoutError:
            return Unknown(f"the patterns of the schema took longer than {SECONDS:g} s; they backtrack on this text")

    return fits


def _parsed(text: str) -> Any:
    """The JSON in *text*, without a Markdown fence around it. Raises ValueError, also for NaN, Infinity and 1e999."""
    fenced = _FENCE.fullmatch(text.strip())
    return json.loads(fenced[1] if fenced else text, parse_constant=_refuse, parse_float=_finite)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    return number if math.isfinite(number := float(digits)) else _refuse(digits)


def _validator(schema: dict[str, Any]) -> Validator:
    uri = str(schema.get("$schema", _NEWEST)).rstrip("#")
    if uri not in _DRAFTS:
        raise Unusable("jsonSchema.schema", f"{uri!r} is no known draft; remove $schema to use 2020-12")
    draft = _DRAFTS[uri]
    try:
        draft.check_schema(schema)
    except SchemaError as error:
        field = "".join(f".{part}" for part in error.absolute_path)
        raise Unusable(f"jsonSchema.schema{field}", " ".join(error.message.split())) from None
    _check_parts(schema, uri)
    validator: Validator = with_our_keywords(draft)(schema, registry=REGISTRY)
    try:
        validator.is_valid(None)
    except RecursionError:
        raise Unusable(
            "jsonSchema.schema", "a $ref leads back to itself without end; let it lead to a schema"
        ) from None
    return validator


def _check_parts(schema: dict[str, Any], draft: str) -> None:
    root = specification_with(draft).create_resource(schema)
    keywords: set[str] = set()
    for part, resolver in _parts(root, REGISTRY.resolver_with_root(root)):
        keywords |= part.keys()
        for reference in (part[name] for name in _REFERENCES if name in part):
            try:
                resolver.lookup(reference)
            except (Unresolvable, ValueError):
                problem = (
                    f"reference {reference!r} leads nowhere; write it into the schema under $defs, nothing is fetched"
                )
                raise Unusable("jsonSchema.schema", problem) from None
    if {"patternProperties", "unevaluatedProperties"} <= keywords:
        problem = "patternProperties beside unevaluatedProperties is not understood; use additionalProperties"
        raise Unusable("jsonSchema.schema", problem)


def _parts(schema: SchemaResource, resolver: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Every schema at or below *schema*, with the `referencing` resolver that knows its base address."""
    if isinstance(schema.contents, dict):
        yield schema.contents, resolver
    for inner in schema.subresources():
        yield from _parts(inner, resolver.in_subresource(inner))
