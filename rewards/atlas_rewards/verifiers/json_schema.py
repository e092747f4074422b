"""Is the completion JSON of the right shape? A schema refers to itself or to a known draft: nothing is fetched."""

import re
from collections.abc import Iterator
from typing import Any

import regex  # type: ignore[import-untyped]
from jsonschema import SchemaError, validators
from jsonschema.protocols import Validator
from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
from referencing import Specification
from referencing.exceptions import Unresolvable
from referencing.jsonschema import SchemaResource, specification_with

from atlas_api.inputs.budgets import COMPLETION, decode_json
from atlas_api.training.reward import JsonSchema
from atlas_rewards.item import Item
from atlas_rewards.verifiers.json_keywords import time_bounded, with_our_keywords
from atlas_rewards.verifiers.outcome import Outcome, Unknown, Unusable, Verify
from atlas_rewards.verifiers.pattern import SECONDS

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

    def fits(item: Item) -> Outcome:
        try:
            with time_bounded():
                return float(validator.is_valid(_parsed(item.completion)))
        except (ValueError, RecursionError):  # not JSON, or nested deeper than any sensible answer
            return 0.0
        except TimeoutError:
            problem = "a pattern backtracks on this text, or references multiply"
            return Unknown(f"the schema took longer than {SECONDS:g} s; {problem}")

    return fits


def _parsed(text: str) -> Any:
    """The JSON in *text*, without a Markdown fence around it. Raises ValueError."""
    fenced = _FENCE.fullmatch(text.strip())
    return decode_json(fenced[1] if fenced else text, COMPLETION)


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
    specification = specification_with(draft)
    root = specification.create_resource(schema)
    keywords: set[str] = set()
    for part in _parts(root, REGISTRY.resolver_with_root(root), specification, set()):
        keywords |= part.keys()
        _check_patterns(part)
    if {"patternProperties", "unevaluatedProperties"} <= keywords:
        problem = "patternProperties beside unevaluatedProperties is not understood; use additionalProperties"
        raise Unusable("jsonSchema.schema", problem)


def _check_patterns(part: dict[str, Any]) -> None:
    """Not every draft asks for regular expressions, and none for those that texts are searched with."""
    for pattern in (*part.get("patternProperties", ()), *([part["pattern"]] if "pattern" in part else ())):
        try:
            regex.compile(pattern)
        except regex.error as error:
            raise Unusable("jsonSchema.schema", f"pattern {pattern!r}: {error}; correct it") from None


def _parts(
    schema: SchemaResource, resolver: Any, specification: Specification[Any], seen: set[int]
) -> Iterator[dict[str, Any]]:
    """
    Every schema at, below or behind a reference of *schema*, but those whose `id` is *seen*.

    *resolver* is of `referencing` and knows the base address of *schema*.
    """
    part = schema.contents
    if not isinstance(part, dict) or id(part) in seen:
        return
    seen.add(id(part))
    yield part
    # `subresources` leaves out dependencies when the first of them is a list of names.
    dependencies = map(specification.create_resource, part.get("dependencies", {}).values())
    for inner in (*schema.subresources(), *dependencies):
        if isinstance(inner.contents, dict):
            yield from _parts(inner, resolver.in_subresource(inner), specification, seen)
    for reference in (part[name] for name in _REFERENCES if name in part):
        target = _behind(reference, resolver)
        yield from _parts(specification.create_resource(target.contents), target.resolver, specification, seen)


def _behind(reference: str, resolver: Any) -> Any:
    try:
        target = resolver.lookup(reference)
    except (Unresolvable, ValueError):
        target = None
    if target is None or not isinstance(target.contents, dict | bool):
        problem = f"reference {reference!r} leads nowhere; write it into the schema under $defs, nothing is fetched"
        raise Unusable("jsonSchema.schema", problem)
    return target
