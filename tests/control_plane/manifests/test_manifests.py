"""The API server and `atlas-core validate` say the same of every manifest, and of rules in the same words."""

import json
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Kubectl, Refused
from rich.console import Console
from support.kubernetes.api_server import ApiServer
from support.manifests.api_types import api_types
from support.manifests.bad import BEYOND_SCHEMA, BROKEN_RULES, UNREADABLE, WRONG_FIELDS
from support.manifests.cases import Case, changed, manifest
from support.manifests.good import GOOD

from atlas_api import AtlasTraining, InvalidManifest, load_manifest, parse
from atlas_api.crd import TRAININGS
from atlas_core.commands.validate import validate

pytestmark = pytest.mark.cluster

CRD = "atlastrainings.atlas.arc.computer"
RULES = {rule.message for model in api_types() for rule in model.RULES}


@pytest.fixture(scope="module")
def admin(control_plane: ControlPlane) -> Kubectl:
    """kubectl, once the API server serves the CRD as it is in this tree."""
    control_plane.kubectl.run("apply", "--server-side", "--force-conflicts", "-f", TRAININGS.file)
    control_plane.kubectl.run("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=300s")
    return control_plane.kubectl


@pytest.fixture(scope="module")
def api_server(admin: Kubectl) -> ApiServer:
    return ApiServer(admin.kubeconfig)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "training.yaml"


def write(file: Path, case: Case) -> Mapping[str, Any]:
    document = changed(manifest(), case.changes)
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return document


def problems_in(file: Path) -> list[str]:
    try:
        load_manifest(file)
    except InvalidManifest as refused:
        return refused.problems
    return []


def is_valid(file: Path) -> bool:
    return validate([file], Console(file=StringIO())) == 0


def sentence(case: Case) -> str:
    return case.sentence


@pytest.mark.parametrize("case", GOOD, ids=sentence)
def test_a_good_manifest_is_accepted_by_both_and_means_the_same(
    case: Case, api_server: ApiServer, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_ALLOW_CODE", "1")
    verdict = api_server.try_create(write(file, case))
    assert verdict.accepted, verdict.causes
    assert problems_in(file) == []
    assert is_valid(file)
    assert parse(AtlasTraining, dict(verdict.stored)).spec.hash() == load_manifest(file).spec.hash()
    assert parse(AtlasTraining, dict(verdict.stored)).spec == load_manifest(file).spec


@pytest.mark.parametrize("case", BROKEN_RULES, ids=sentence)
def test_a_broken_rule_is_told_by_both_in_the_same_words(case: Case, api_server: ApiServer, file: Path) -> None:
    verdict = api_server.try_create(write(file, case))
    assert not verdict.accepted
    assert not is_valid(file)
    assert verdict.sentences == set(problems_in(file)) != set()


@pytest.mark.parametrize("case", WRONG_FIELDS, ids=sentence)
def test_a_wrong_field_is_named_by_both(case: Case, api_server: ApiServer, file: Path) -> None:
    verdict = api_server.try_create(write(file, case))
    assert not verdict.accepted
    assert not is_valid(file)
    assert fields_of(verdict.sentences) == fields_of(problems_in(file)) != set()


def fields_of(problems: Iterable[str]) -> set[str]:
    """The fields that are wrong by themselves: what a wrong value does to rules is nobody's concern."""
    return {problem.partition(": ")[0] for problem in problems if not problem.endswith(tuple(RULES))}


@pytest.mark.parametrize("case", UNREADABLE, ids=sentence)
def test_what_the_api_server_cannot_read_is_refused_by_both(case: Case, api_server: ApiServer, file: Path) -> None:
    assert not api_server.try_create(write(file, case)).accepted
    assert not is_valid(file)


@pytest.mark.parametrize("case", BEYOND_SCHEMA, ids=sentence)
def test_what_needs_python_is_left_to_validate_and_to_the_run(case: Case, api_server: ApiServer, file: Path) -> None:
    assert api_server.try_create(write(file, case)).accepted
    assert problems_in(file) == []
    assert not is_valid(file)


def test_an_unknown_field_is_dropped_silently_unless_the_client_is_strict(
    api_server: ApiServer, admin: Kubectl
) -> None:
    document = changed(manifest(), {"spec.gpro": {"groupSize": 4}})
    verdict = api_server.try_create(document, strict=False)
    assert verdict.accepted
    assert "gpro" not in verdict.stored["spec"]
    assert api_server.try_create(document).sentences == {"spec.gpro: unknown field"}
    with pytest.raises(Refused, match=r'unknown field "spec\.gpro"'):
        admin.run("apply", "--dry-run=server", "-f", "-", text=json.dumps(document))


def test_a_status_in_a_manifest_is_ignored(api_server: ApiServer) -> None:
    verdict = api_server.try_create(changed(manifest(), {"status": {"phase": "Succeeded", "observedGeneration": 7}}))
    assert verdict.stored["status"] == {"observedGeneration": -1}


YAML = """
apiVersion: atlas.arc.computer/v1alpha1
kind: AtlasTraining
metadata: {{name: demo}}
spec:
  model: {{source: m}}
  grpo: {{}}
  traces: {{file: {{path: traces.jsonl}}}}
  reward: {{verifiers: [{{name: answer, numeric: {{}}}}]}}
  checkpoints: {{local: {{path: runs}}}}
  {line}
"""


@pytest.mark.parametrize(
    "line",
    [
        "suspend: yes",
        "suspend: Off",
        "suspend: null",
        "suspend: # nothing",
        "optimization: {learningRate: 1e-5}",
        "optimization: {learningRate: 1.5E-5, maxSteps: 1e2}",
        "optimization: {seed: 0x1F}",
        "optimization: {seed: 0o17}",
        "optimization: {seed: 1_000}",
        "optimization: {seed: +5}",
        "trainerArgs: {a: 10:30, b: 2026-10-01, c: 2026-10-01T00:00:00Z, d: 012, e: .5, f: 1., h: '1', i: 09}",
        "trainerArgs: {a: 1.0, b: -0.0, c: 1e3, d: 0b11, e: v1.2, f: e5, g: 1e, h: =, i: 1e+21, j: 1_0.5, k: 00}",
        "trainerArgs: {a: y, b: Off, c: tRue, d: [NULL], e: -0x1F, f: +012, g: 1.e3, h: 1e-400, i: 0x, j: 0o8, k: _1}",
        "trainerArgs: {a: &x {b: 1}, c: *x, d: {<<: *x, e: 2}}",
        'trainerArgs: {a: "\\u00e9", b: é, c: "a\\tb"}',
        "limits: {startSeconds: 60, stallSeconds: 600}",
    ],
)
def test_yaml_means_the_same_to_kubectl_and_to_us(line: str, admin: Kubectl, file: Path) -> None:
    file.write_text(YAML.format(line=line), encoding="utf-8")
    seen = json.loads(admin.run("apply", "--dry-run=server", "-o", "json", "-f", file))
    assert parse(AtlasTraining, seen).spec == load_manifest(file).spec


@pytest.mark.parametrize(
    "line",
    [
        "suspend: 'yes'",
        "optimization: {seed: 1.5}",
        "optimization: {seed: 10:30}",
        "optimization: {learningRate: '1e-5'}",
        "optimization: {learningRate: .nan}",
        "trainerArgs: {a: .inf}",
        "model: {source: y}",
        "traces: {file: {path: 09}}",
        "trainerArgs: {a: [}",
        "\ttrainerArgs: {}",
        "trainerArgs: *nobody",
    ],
)
def test_yaml_that_kubectl_refuses_is_refused_by_us(line: str, admin: Kubectl, file: Path) -> None:
    file.write_text(YAML.format(line=line), encoding="utf-8")
    with pytest.raises(Refused):
        admin.run("apply", "--dry-run=server", "-f", file)
    assert not is_valid(file)


@pytest.mark.parametrize("line", ["suspend: true\n  suspend: false", "limits: {startSeconds: 1, startSeconds: 1}"])
def test_a_key_given_twice_is_refused_by_us_while_kubectl_takes_the_last(line: str, admin: Kubectl, file: Path) -> None:
    file.write_text(YAML.format(line=line), encoding="utf-8")
    admin.run("apply", "--dry-run=server", "-f", file)
    (problem,) = problems_in(file)
    assert "is given twice" in problem
