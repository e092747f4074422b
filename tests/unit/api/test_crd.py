"""The CRD is generated from the types, structural, described in every field, and small."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.api_types import api_types

from atlas_api import crd
from atlas_api.schema import Schema, structural
from atlas_api.status import AtlasTrainingStatus
from atlas_api.training import AtlasTraining, AtlasTrainingSpec

VERSION = crd.definition()["spec"]["versions"][0]
SCHEMA: Schema = VERSION["schema"]["openAPIV3Schema"]
# The API server's own limit is above 1 MB; kubectl's annotation of a client-side apply has 256 kB.
LARGEST = 100_000


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Path and schema of everything in *schema*, itself first."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from nodes(schema[name], f"{path}[]")


def test_the_committed_file_is_what_the_types_give() -> None:
    assert crd.FILE.read_text(encoding="utf-8") == crd.text(), "run: python -m atlas_api.crd"
    assert crd.main(["--check"]) == 0


def test_drift_is_told_with_the_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "crd.yaml"
    assert crd.main(["--check", "--file", str(file)]) == 1
    assert "run: python -m atlas_api.crd" in capsys.readouterr().err
    assert crd.main(["--file", str(file)]) == 0
    assert crd.main(["--check", "--file", str(file)]) == 0
    file.write_text(file.read_text() + "# mine\n")
    assert crd.main(["--check", "--file", str(file)]) == 1


def test_the_file_is_small_and_reads_back_as_the_definition() -> None:
    text = crd.text()
    assert len(text.encode()) < LARGEST
    assert yaml.safe_load(text) == crd.definition()


@pytest.mark.parametrize("forbidden", ["$ref", "anyOf", "oneOf", "allOf", "nullable", "title", "exclusiveMinimum: 0"])
def test_the_schema_is_structural(forbidden: str) -> None:
    used = {key for _, node in nodes(SCHEMA) for key in node}
    assert forbidden not in used


def test_every_value_has_a_type_or_is_a_number_or_text() -> None:
    untyped = [path for path, node in nodes(SCHEMA) if "type" not in node]
    assert untyped == [".spec.compute.resources.limits[]", ".spec.compute.resources.requests[]"]
    assert all(dict(nodes(SCHEMA))[path]["x-kubernetes-int-or-string"] for path in untyped)


def test_every_field_is_described_in_sentences() -> None:
    for path, node in nodes(SCHEMA):
        if path.endswith("[]") or path in (".apiVersion", ".kind", ".metadata"):
            continue
        assert node["description"].endswith("."), path


def test_no_description_says_a_sentence_twice() -> None:
    for path, node in nodes(SCHEMA):
        sentences = node.get("description", "").split(". ")
        assert len(set(sentences)) == len(sentences), path


def test_every_rule_stands_at_its_own_place() -> None:
    placed = {rule["rule"]: path for path, node in nodes(SCHEMA) for rule in node.get("x-kubernetes-validations", [])}
    assert set(placed) == {rule.expression for model in api_types() for rule in model.RULES}
    assert placed["self.target < self.limit"] == ".spec.reward.verifiers[].length"


def test_every_whole_number_and_list_and_map_of_the_spec_is_bounded() -> None:
    for path, node in nodes(SCHEMA["properties"]["spec"]):
        if node.get("type") == "integer":
            assert {"minimum", "maximum"} <= set(node), path
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path
        if node.get("type") == "string":
            assert {"maxLength", "enum", "format"} & set(node), path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".grpo.groupSize", {"type": "integer", "format": "int32", "minimum": 2, "maximum": 256, "default": 8}),
        (".optimization.seed", {"format": "int64", "maximum": 4294967295}),
        (".grpo.temperature", {"type": "number", "format": "double", "minimum": 0.0, "exclusiveMinimum": True}),
        (".grpo.loss", {"type": "string", "enum": ["dapo", "grpo", "dr_grpo", "bnpo"]}),
        (".grpo.clip", {"default": {"low": 0.2, "high": 0.28}}),
        (".traces.filter.createdAfter", {"type": "string", "format": "date-time"}),
        (".compute.affinity", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        (".reward.verifiers[].jsonSchema.schema", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
        (".trainerArgs", {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
    ],
)
def test_types_become(path: str, expected: dict[str, Any]) -> None:
    node = dict(nodes(structural(AtlasTrainingSpec)))[path]
    assert {key: node.get(key) for key in expected} == expected


def test_a_status_nobody_wrote_says_that_nobody_has_seen_the_spec_and_nothing_else() -> None:
    status = SCHEMA["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    defaults = {path: node["default"] for path, node in nodes(status, "status") if "default" in node}
    assert defaults == {"status": {"observedGeneration": -1}, "status.observedGeneration": -1}


def test_conditions_are_a_map_by_type() -> None:
    conditions = SCHEMA["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert "type" in conditions["items"]["required"]


def test_every_column_shows_a_field_that_exists() -> None:
    known = {path for path, _ in nodes(SCHEMA)} | {".metadata.creationTimestamp"}
    for column in VERSION["additionalPrinterColumns"]:
        assert column["jsonPath"].replace('[?(@.type=="Ready")]', "[]") in known, column["name"]


def test_every_field_of_the_types_is_in_the_schema() -> None:
    for name, model in (("spec", AtlasTrainingSpec), ("status", AtlasTrainingStatus)):
        aliases = {field.alias for field in model.model_fields.values()}
        assert set(SCHEMA["properties"][name]["properties"]) == aliases
    assert SCHEMA["description"] == AtlasTraining.__doc__


def test_nothing_is_filled_in_inside_a_list() -> None:
    lists = [node["items"] for _, node in nodes(SCHEMA) if "items" in node]
    assert lists
    assert not [path for items in lists for path, node in nodes(items) if "default" in node]
