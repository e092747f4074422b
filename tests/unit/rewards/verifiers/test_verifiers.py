"""Each kind of verifier but the numeric one: what scores, what does not, what cannot be said, what is refused early."""

import json
import socket
from typing import Any

import pytest
from support.verifiers.scores import score_of, scorer_of

from atlas_api import InvalidManifest
from atlas_rewards.verifiers import MAX_CHARACTERS

OBJECT = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
BACKTRACKS = "(a|aa)+$"

CASES = [
    ({"exactMatch": {}}, "Paris", "Paris", 1.0, "exact match of equal texts"),
    ({"exactMatch": {}}, " Paris\n", "Paris", 1.0, "exact match ignores white space around"),
    ({"exactMatch": {}}, "caf\u00e9", "cafe\u0301", 1.0, "exact match sees composed and combined letters as one"),
    ({"exactMatch": {}}, "paris", "Paris", 0.0, "exact match minds case"),
    ({"exactMatch": {"ignoreCase": True}}, "STRASSE", "straße", 1.0, "exact match without case"),
    ({"exactMatch": {}}, "", "Paris", 0.0, "exact match of an empty completion"),
    ({"exactMatch": {}}, "a\r\nb", "a\nb", 1.0, "exact match sees all line ends as one"),
    ({"exactMatch": {}}, "Paris", None, None, "exact match without a reference"),
    ({"exactMatch": {}}, "", "", None, "a blank reference is no reference"),
    ({"exactMatch": {}}, "a" + "\u0301\u0327" * 90_000, "a" + "\u0301\u0327" * 90_000, 1.0, "exact match of marks"),
    ({"regex": {"pattern": "^ok"}}, "ok then", None, 1.0, "regex is found"),
    ({"regex": {"pattern": "^ok$"}}, "not ok", None, 0.0, "regex is not found"),
    ({"regex": {"pattern": BACKTRACKS}}, "a" * 60 + "b", None, None, "regex that backtracks for ever"),
    ({"jsonSchema": {"schema": OBJECT}}, '{"name": "x"}', None, 1.0, "JSON that fits"),
    ({"jsonSchema": {"schema": OBJECT}}, '```json\n{"name": "x"}\n```', None, 1.0, "JSON in a fence"),
    ({"jsonSchema": {"schema": OBJECT}}, '```\n{"name": "x"}```\n', None, 1.0, "JSON in a tight fence"),
    ({"jsonSchema": {"schema": OBJECT}}, "[1]", None, 0.0, "JSON of another shape"),
    ({"jsonSchema": {"schema": OBJECT}}, '{"name": "x"', None, 0.0, "JSON cut short"),
    ({"jsonSchema": {"schema": OBJECT}}, 'Sure: {"name": "x"}', None, 0.0, "JSON with talk around it"),
    ({"jsonSchema": {"schema": {}}}, "NaN", None, 0.0, "NaN is not JSON"),
    ({"jsonSchema": {"schema": {"multipleOf": 0.1}}}, "1e999", None, 0.0, "JSON with a number beyond floats"),
    ({"jsonSchema": {"schema": {}}}, "[" * 200_000, None, 0.0, "JSON nested beyond all measure"),
    ({"jsonSchema": {"schema": {}}}, "9" * 10_000, None, 0.0, "JSON with a number of 10,000 digits"),
    ({"jsonSchema": {"schema": {}}}, "```\n" + " " * 200_000 + "x", None, 0.0, "a fence left open"),
    ({"jsonSchema": {"schema": {}}}, "[" + "1," * 100_000 + "1]", None, 1.0, "JSON with many elements"),
    ({"referenceSimilarity": {}}, "kitten", "kitten", 1.0, "similarity of equal texts"),
    ({"referenceSimilarity": {}}, "abc", "xyz", 0.0, "similarity of texts that share nothing"),
    ({"referenceSimilarity": {}}, "abcd", "abxy", 0.5, "similarity of texts that share half"),
    ({"referenceSimilarity": {}}, "ABCD", "abcd", 0.0, "similarity minds case"),
    ({"referenceSimilarity": {"ignoreCase": True}}, "ABCD", "abcd", 1.0, "similarity without case"),
    ({"referenceSimilarity": {}}, "abc", None, None, "similarity without a reference"),
    ({"length": {"target": 10, "limit": 20}}, "", None, 1.0, "length of nothing"),
    ({"length": {"target": 10, "limit": 20}}, "x" * 10, None, 1.0, "length at the target"),
    ({"length": {"target": 10, "limit": 20}}, "x" * 15, None, 0.5, "length half way to the limit"),
    ({"length": {"target": 10, "limit": 20}}, "x" * 20, None, 0.0, "length at the limit"),
    ({"length": {"target": 10, "limit": 20}}, "x" * 10**6, None, 0.0, "length of a huge text is known"),
]


@pytest.mark.parametrize(
    ("verifier", "completion", "reference", "expected"), [pytest.param(*case[:4], id=case[4]) for case in CASES]
)
def test_verdict(verifier: dict[str, Any], completion: str, reference: str | None, expected: float | None) -> None:
    score = score_of(verifier, completion, reference)
    assert score.value == expected
    assert ("v0" in score.reasons) == (expected is None)


SLOW = "a" * 60 + "b"
NEWEST = "https://json-schema.org/draft/2020-12/schema"


def _node(kind: str) -> dict[str, Any]:
    return {"required": ["kind"], "properties": {"kind": {"const": kind}, "inner": {"$ref": "#"}}}


TREE: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "object", "anyOf": [_node("sum"), _node("product")]}]}


def nested(depth: int) -> Any:
    """A text that each alternative of `TREE` has to be followed through."""
    return {"inner": nested(depth - 1), "kind": "product"} if depth else 1


SLOW_SCHEMAS = {
    "pattern": ({"pattern": BACKTRACKS}, SLOW),
    "patternProperties": ({"patternProperties": {BACKTRACKS: {}}}, {SLOW: 1}),
    "additionalProperties": ({"patternProperties": {BACKTRACKS: {}}, "additionalProperties": False}, {SLOW: 1}),
    "propertyNames": ({"propertyNames": {"pattern": BACKTRACKS}}, {SLOW: 1}),
    "behind a reference to a schema that names its draft": (
        {"$schema": NEWEST, "properties": {"inner": {"$ref": "#"}, "word": {"pattern": BACKTRACKS}}},
        {"inner": {"word": SLOW}},
    ),
    "alternatives that lead back": (TREE, nested(40)),
    "alternatives that lead back to a schema that names its draft": ({"$schema": NEWEST, **TREE}, nested(40)),
    "a thousand times": ({"items": {"pattern": BACKTRACKS}}, [f"{number}{SLOW}" for number in range(1000)]),
}


@pytest.mark.parametrize(("schema", "value"), SLOW_SCHEMAS.values(), ids=SLOW_SCHEMAS)
@pytest.mark.timeout(120)
def test_a_text_that_takes_a_schema_too_long_gets_no_verdict(schema: dict[str, Any], value: Any) -> None:
    score = score_of({"jsonSchema": {"schema": schema}}, json.dumps(value))
    assert score.value is None
    assert "longer than" in score.reasons["v0"]


def test_alternatives_that_lead_back_are_told_apart() -> None:
    assert score_of({"jsonSchema": {"schema": TREE}}, json.dumps(nested(4))).value == 1.0
    assert score_of({"jsonSchema": {"schema": TREE}}, json.dumps({"sum": [nested(3)]})).value == 0.0


FITTING: list[tuple[dict[str, Any], Any, bool]] = [
    ({"patternProperties": {"^x_": {"type": "integer"}}}, {"x_a": 1, "y": "?"}, True),
    ({"patternProperties": {"^x_": {"type": "integer"}}}, {"x_a": "1"}, False),
    ({"patternProperties": {"^x_": {}}}, ["x_a"], True),
    (
        {"properties": {"a": {}}, "patternProperties": {"^x_": {}}, "additionalProperties": False},
        {"a": 1, "x_": 1},
        True,
    ),
    ({"properties": {"a": {}}, "patternProperties": {"^x_": {}}, "additionalProperties": False}, {"b": 1}, False),
    ({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}, {"a": "?", "b": 1}, True),
    ({"properties": {"a": {}}, "additionalProperties": {"type": "integer"}}, {"b": "1"}, False),
    ({"additionalProperties": True}, {"b": 1}, True),
    ({"additionalProperties": False}, [1], True),
    ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}, [True], None, 0, False], True),
    ({"uniqueItems": True}, [1, 1.0], False),
    ({"uniqueItems": True}, [{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
    ({"uniqueItems": True}, [{"number": number} for number in range(10_000)], True),
    ({"uniqueItems": False}, [1, 1], True),
    ({"uniqueItems": True}, "aa", True),
    ({"multipleOf": 0.01}, 0.07, True),
    ({"multipleOf": 0.01}, 0.075, False),
    ({"multipleOf": 0.1}, 1e308, True),
    ({"multipleOf": 7}, 10**300, False),
    ({"multipleOf": 2}, 4.0, True),
    ({"multipleOf": 2}, "4", True),
    ({"$schema": NEWEST, "items": {"$ref": "#"}, "multipleOf": 0.01}, [0.07], True),
]


@pytest.mark.parametrize(("schema", "value", "fits"), FITTING)
@pytest.mark.timeout(120)
def test_schemas_mean_what_they_say(schema: dict[str, Any], value: Any, fits: bool) -> None:
    assert score_of({"jsonSchema": {"schema": schema}}, json.dumps(value)).value == float(fits)


@pytest.mark.parametrize("kind", ["exactMatch", "numeric", "referenceSimilarity"])
def test_a_text_beyond_the_bound_is_not_read(kind: str) -> None:
    for completion, reference in [("1" * (MAX_CHARACTERS + 1), "1"), ("1", "1" * (MAX_CHARACTERS + 1))]:
        score = score_of({kind: {}}, completion, reference)
        assert score.value is None
        assert str(MAX_CHARACTERS) in score.reasons["v0"]


REFUSED = [
    ({"regex": {"pattern": "(unclosed"}}, "regex.pattern", "missing )", "a pattern with a mistake"),
    ({"jsonSchema": {"schema": {"type": "objekt"}}}, "jsonSchema.schema.type", "objekt", "an unknown JSON type"),
    ({"jsonSchema": {"schema": {"pattern": "("}}}, "jsonSchema.schema.pattern", "regex", "a broken pattern inside"),
    ({"jsonSchema": {"schema": {"$schema": "draft-99"}}}, "jsonSchema.schema", "draft-99", "an unknown draft"),
    ({"jsonSchema": {"schema": {"$schema": 7}}}, "jsonSchema.schema", "7", "a draft that is no address"),
    ({"jsonSchema": {"schema": {"items": {"$ref": "#/$defs/x"}}}}, "jsonSchema.schema", "#/$defs/x", "a dangling $ref"),
    ({"jsonSchema": {"schema": {"$dynamicRef": "#x"}}}, "jsonSchema.schema", "'#x'", "a dangling $dynamicRef"),
    (
        {"jsonSchema": {"schema": {"anyOf": [{"patternProperties": {}}], "unevaluatedProperties": False}}},
        "jsonSchema.schema",
        "use additionalProperties",
        "patterns of names that cannot be bounded",
    ),
    (
        {"jsonSchema": {"schema": {"items": {"$ref": "#/x"}, "x": {"items": {"$ref": "#/y"}}}}},
        "jsonSchema.schema",
        "#/y",
        "a dangling $ref behind a $ref",
    ),
    ({"jsonSchema": {"schema": {"$ref": "#/x", "x": 7}}}, "jsonSchema.schema", "#/x", "a $ref to no schema"),
    ({"jsonSchema": {"schema": {"$ref": "#"}}}, "jsonSchema.schema", "without end", "a schema that is only itself"),
]


@pytest.mark.parametrize(("verifier", "field", "shown"), [pytest.param(*case[:3], id=case[3]) for case in REFUSED])
def test_what_can_never_work_is_refused_before_any_item(verifier: dict[str, Any], field: str, shown: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        scorer_of({"exactMatch": {}}, verifier)
    (problem,) = refused.value.problems
    assert problem.startswith(f"spec.reward.verifiers[1].{field}: ")
    assert shown in problem
    assert "\n" not in problem


DRAFT_4 = {"$schema": "http://json-schema.org/draft-04/schema#"}
BROKEN: dict[str, Any] = {"patternProperties": {"(": {}}}


@pytest.mark.parametrize(
    "schema",
    [
        {**DRAFT_4, **BROKEN},
        {**DRAFT_4, "items": {"not": BROKEN}},
        {**DRAFT_4, "dependencies": {"a": ["b"], "c": BROKEN}},
        {"$schema": "http://json-schema.org/draft-03/schema#", **BROKEN},
        {"$ref": "#/mine", "mine": {"pattern": "("}},
    ],
)
def test_a_pattern_that_texts_cannot_be_searched_with_is_refused_in_every_draft(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidManifest, match=r"verifiers\[0\]\.jsonSchema\.schema"):
        scorer_of({"jsonSchema": {"schema": schema}})


def test_dependencies_on_names_and_on_schemas_may_be_mixed() -> None:
    schema = {**DRAFT_4, "dependencies": {"c": {"required": ["b"]}, "a": ["b"]}}
    assert score_of({"jsonSchema": {"schema": schema}}, '{"a": 1, "b": 1}').value == 1.0
    assert score_of({"jsonSchema": {"schema": schema}}, '{"c": 1}').value == 0.0


@pytest.mark.parametrize("data", [{"enum": [{"pattern": "("}]}, {"properties": {"pattern": {}, "enum": {}}}])
def test_what_only_looks_like_a_pattern_is_none(data: dict[str, Any]) -> None:
    assert score_of({"jsonSchema": {"schema": data}}, '{"pattern": "("}').value == 1.0


def test_a_schema_may_refer_to_a_draft_other_than_its_own() -> None:
    schema = {"items": {"$ref": "http://json-schema.org/draft-04/schema#"}}
    assert score_of({"jsonSchema": {"schema": schema}}, '[{"minLength": 1}]').value == 1.0


def test_several_mistakes_are_reported_together() -> None:
    with pytest.raises(InvalidManifest) as refused:
        scorer_of({"regex": {"pattern": "("}}, {"numeric": {}}, {"regex": {"pattern": ")"}})
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "spec.reward.verifiers[0].regex.pattern",
        "spec.reward.verifiers[2].regex.pattern",
    ]


@pytest.mark.parametrize(
    "draft", ["https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#"]
)
def test_references_inside_the_schema_are_followed(draft: str) -> None:
    schema = {"$schema": draft, "definitions": {"n": {"type": "integer"}}, "items": {"$ref": "#/definitions/n"}}
    assert score_of({"jsonSchema": {"schema": schema}}, "[1, 2]").value == 1.0
    assert score_of({"jsonSchema": {"schema": schema}}, '[1, "2"]').value == 0.0


def test_a_schema_may_nest_itself() -> None:
    tree = {"type": "object", "additionalProperties": {"$ref": "#"}}
    assert score_of({"jsonSchema": {"schema": tree}}, '{"a": {"b": {}}}').value == 1.0
    assert score_of({"jsonSchema": {"schema": tree}}, '{"a":' * 900 + "1" + "}" * 900).value == 0.0


def test_a_reference_to_another_document_is_refused_and_nothing_is_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(InvalidManifest, match="nothing is fetched"):
            scorer_of({"jsonSchema": {"schema": {"properties": {"x": {"$ref": address}}}}})
        with pytest.raises(TimeoutError):
            server.accept()
