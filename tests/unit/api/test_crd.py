"""The CRD is generated from the types, structural, described in every field, and small."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.docstrings import fault
from support.manifests.api_types import api_types

from atlas_api import crd
from atlas_api.base import ApiModel
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.rewardservice.status import RewardServiceStatus
from atlas_api.schema import Schema, structural
from atlas_api.training.spec import AtlasTrainingSpec
from atlas_api.training.status import AtlasTrainingStatus

VERSIONS = {resource: crd.definition(resource)["spec"]["versions"][0] for resource in crd.RESOURCES}
SCHEMAS: dict[crd.Resource, Schema] = {
    resource: version["schema"]["openAPIV3Schema"] for resource, version in VERSIONS.items()
}
PARTS: dict[crd.Resource, dict[str, type[ApiModel]]] = {
    crd.TRAININGS: {"spec": AtlasTrainingSpec, "status": AtlasTrainingStatus},
    crd.REWARD_SERVICES: {"spec": RewardServiceSpec, "status": RewardServiceStatus},
}
# The API server's own limit is above 1 MB; kubectl's annotation of a client-side apply has 256 kB.
LARGEST = 150_000


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Path and schema of everything in *schema*, itself first."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if name in schema:
            yield from nodes(schema[name], f"{path}[]")


def in_all_kinds() -> Iterator[tuple[str, Schema]]:
    """Path and schema of everything in every kind."""
    for schema in SCHEMAS.values():
        yield from nodes(schema)


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_the_committed_file_is_what_the_types_give(resource: crd.Resource) -> None:
    assert resource.file.read_text(encoding="utf-8") == crd.text(resource), "run: python -m atlas_api.crd"


def test_drift_is_told_with_the_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path)]
    assert crd.main(["--check", *folder]) == 1
    assert "run: python -m atlas_api.crd" in capsys.readouterr().err
    assert crd.main(folder) == 0
    assert crd.main(["--check", *folder]) == 0
    file = tmp_path / crd.REWARD_SERVICES.file.name
    file.write_text(file.read_text() + "# mine\n")
    assert crd.main(["--check", *folder]) == 1
    assert file.name in capsys.readouterr().err


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_the_file_is_small_and_reads_back_as_the_definition(resource: crd.Resource) -> None:
    text = crd.text(resource)
    assert len(text.encode()) < LARGEST
    assert yaml.safe_load(text) == crd.definition(resource)


@pytest.mark.parametrize("forbidden", ["$ref", "anyOf", "oneOf", "allOf", "nullable", "title", "exclusiveMinimum: 0"])
def test_the_schema_is_structural(forbidden: str) -> None:
    used = {key for _, node in in_all_kinds() for key in node}
    assert forbidden not in used


def test_every_value_has_a_type_or_is_a_number_or_text() -> None:
    untyped = {path: node for path, node in in_all_kinds() if "type" not in node}
    resources = (".spec.compute.resources", ".spec.resources")
    amounts = {f"{path}.{part}[]" for path in resources for part in ("limits", "requests")}
    assert set(untyped) == {*amounts, ".spec.compute.ephemeralStorage"}
    assert all(node["x-kubernetes-int-or-string"] for node in untyped.values())


def test_every_field_is_described_in_sentences() -> None:
    for path, node in in_all_kinds():
        if path.endswith("[]") or path in (".apiVersion", ".kind", ".metadata"):
            continue
        assert node["description"].endswith("."), path


def test_every_description_begins_with_a_sentence_that_stands_alone() -> None:
    columns = [column for version in VERSIONS.values() for column in version["additionalPrinterColumns"]]
    descriptions = [(column["name"], column["description"]) for column in columns]
    descriptions += [(path, node["description"]) for path, node in in_all_kinds() if "description" in node]
    faults = [f"{path}: {text} [{why}]" for path, text in descriptions if (why := fault(text, least_words=4))]
    assert not faults, "\n".join(faults)


def test_no_description_says_a_sentence_twice() -> None:
    for path, node in in_all_kinds():
        sentences = node.get("description", "").split(". ")
        assert len(set(sentences)) == len(sentences), path


def test_every_rule_stands_at_its_own_place() -> None:
    placed = {rule["rule"]: path for path, node in in_all_kinds() for rule in node.get("x-kubernetes-validations", [])}
    assert set(placed) == {rule.expression for model in api_types() for rule in model.RULES}
    assert placed["self.target < self.limit"] == ".spec.verifiers[].length"


def test_every_whole_number_and_list_and_map_of_the_spec_is_bounded() -> None:
    for path, node in (part for schema in SCHEMAS.values() for part in nodes(schema["properties"]["spec"])):
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


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_a_status_nobody_wrote_says_that_nobody_has_seen_the_spec_and_nothing_else(resource: crd.Resource) -> None:
    status = SCHEMAS[resource]["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    defaults = {path: node["default"] for path, node in nodes(status, "status") if "default" in node}
    assert defaults == {"status": {"observedGeneration": -1}, "status.observedGeneration": -1}


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_conditions_are_a_map_by_type(resource: crd.Resource) -> None:
    conditions = SCHEMAS[resource]["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert "type" in conditions["items"]["required"]


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_every_column_shows_a_field_that_exists(resource: crd.Resource) -> None:
    known = {path for path, _ in nodes(SCHEMAS[resource])} | {".metadata.creationTimestamp"}
    for column in VERSIONS[resource]["additionalPrinterColumns"]:
        assert column["jsonPath"].replace('[?(@.type=="Ready")]', "[]") in known, column["name"]


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_every_field_of_the_types_is_in_the_schema(resource: crd.Resource) -> None:
    schema = SCHEMAS[resource]
    for name, model in PARTS[resource].items():
        aliases = {field.alias for field in model.model_fields.values()}
        assert set(schema["properties"][name]["properties"]) == aliases
    assert schema["description"] == resource.model.__doc__


def test_nothing_is_filled_in_inside_a_list() -> None:
    lists = [node["items"] for _, node in in_all_kinds() if "items" in node]
    assert lists
    assert not [path for items in lists for path, node in nodes(items) if "default" in node]
