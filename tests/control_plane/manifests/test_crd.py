"""The CRDs on an API server: what people see of them, what a new object looks like, how its status is written."""

import json

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Document, Kubectl, Refused
from support.manifests.cases import manifest

from atlas_api.crd import RESOURCES, Resource

pytestmark = pytest.mark.cluster

NOW = "2026-10-01T00:00:00Z"
STATUS: Document = {
    "observedGeneration": 1,
    "phase": "Running",
    "conditions": [
        {"type": "Ready", "status": "True", "observedGeneration": 1, "lastTransitionTime": NOW, "reason": "Accepted"}
    ],
    "run": {"number": 3, "attempt": 2, "specHash": "0" * 16, "startedAt": NOW, "trigger": "SpecChange"},
    "dataset": {"matched": 130, "used": 128, "digest": "0" * 64},
    "checkpoints": {"latest": {"uri": "s3://models/demo/run-0003/step-200", "step": 200, "sha256": "0" * 64}},
    "display": {"method": "GRPO", "progress": "62%", "step": "248/400", "eta": "41m", "reward": "0.71"},
}


def name_of(resource: Resource) -> str:
    return f"{resource.plural}.atlas.arc.computer"


@pytest.fixture(scope="module", autouse=True)
def served(control_plane: ControlPlane) -> None:
    """The API server serves the CRDs as they are in this tree."""
    for resource in RESOURCES:
        control_plane.kubectl.run("apply", "--server-side", "--force-conflicts", "-f", resource.file)
        control_plane.kubectl.run("wait", "--for=condition=Established", f"crd/{name_of(resource)}", "--timeout=300s")


@pytest.fixture
def training(kubectl: Kubectl) -> Document:
    return kubectl.create(manifest())


def written(kubectl: Kubectl, manager: str, **status: object) -> Document:
    """The training after a server-side apply of its status by *manager*."""
    identity = {key: manifest()[key] for key in ("apiVersion", "kind", "metadata")}
    return kubectl.apply({**identity, "status": status}, "--subresource=status", f"--field-manager={manager}")


def condition(kind: str, **fields: object) -> Document:
    base = {"type": kind, "status": "True", "observedGeneration": 1, "lastTransitionTime": NOW, "reason": "Tested"}
    return {**base, **fields}


@pytest.mark.parametrize("resource", RESOURCES, ids=name_of)
def test_the_api_server_stores_the_definition_as_it_is_written(resource: Resource, control_plane: ControlPlane) -> None:
    diff = control_plane.kubectl.run("diff", "--server-side", "--force-conflicts", "-f", resource.file)
    assert diff == ""


@pytest.mark.parametrize("resource", RESOURCES, ids=name_of)
def test_the_schema_is_structural_and_its_names_are_taken(resource: Resource, control_plane: ControlPlane) -> None:
    conditions = control_plane.kubectl.get("crd", name_of(resource))["status"]["conditions"]
    assert {one["type"]: one["status"] for one in conditions} == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("name", ["atl", "atr", "atlastraining", "atlastrainings", "atlas"])
@pytest.mark.usefixtures("training")
def test_a_training_is_found_by_short_names_and_by_the_category(name: str, kubectl: Kubectl) -> None:
    assert kubectl.run("get", name, "-o", "name").strip() == "atlastraining.atlas.arc.computer/demo"


def test_a_new_training_has_a_status_that_waiting_tools_do_not_take_for_done(
    training: Document, kubectl: Kubectl
) -> None:
    assert training["metadata"]["generation"] == 1
    assert kubectl.get("atl", "demo")["status"] == {"observedGeneration": -1}


def test_a_new_training_shows_the_defaults_but_no_empty_lists(training: Document) -> None:
    spec = training["spec"]
    assert spec["grpo"]["clip"] == {"low": 0.2, "high": 0.28}
    assert spec["compute"] == {"workers": 1, "gpusPerWorker": 1, "gpuResource": "nvidia.com/gpu", "resources": {}}
    assert spec["traces"]["filter"] == {"status": ["succeeded"], "reviewStatus": ["approved"], "order": "newest"}
    assert spec["limits"]["retries"]["preempted"] == 50
    assert "trainerArgs" not in spec


@pytest.mark.usefixtures("training")
def test_the_columns_tell_the_story(kubectl: Kubectl) -> None:
    written(kubectl, "test", **{**STATUS, "display": {**STATUS["display"], "reason": "Queued"}})
    header, row = (line.split() for line in kubectl.run("get", "atl").splitlines())
    assert header == ["NAME", "PHASE", "METHOD", "PROGRESS", "STEP", "ETA", "REWARD", "RUN", "READY", "REASON", "AGE"]
    assert row[:-1] == ["demo", "Running", "GRPO", "62%", "248/400", "41m", "0.71", "3", "True", "Queued"]
    header, row = (line.split() for line in kubectl.run("get", "atl", "-o", "wide").splitlines())
    assert header[11:] == ["ATTEMPT", "DATASET", "CHECKPOINT", "TRIGGER"]
    assert row[11:] == ["2", "128", "s3://models/demo/run-0003/step-200", "SpecChange"]


@pytest.mark.usefixtures("training")
def test_conditions_are_merged_by_type(kubectl: Kubectl) -> None:
    written(kubectl, "one", conditions=[condition("Ready")])
    both = written(kubectl, "two", conditions=[condition("Accepted")])
    assert sorted(one["type"] for one in both["status"]["conditions"]) == ["Accepted", "Ready"]
    with pytest.raises(Refused, match="duplicate entries for key"):
        written(kubectl, "one", conditions=[condition("Ready"), condition("Ready", status="False")])


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        pytest.param({"phase": "Done"}, "status.phase", id="an unknown phase"),
        pytest.param({"progress": {"step": 1}}, "status.progress.maxSteps", id="half a progress"),
        pytest.param({"conditions": [condition("Ready", status="Maybe")]}, "conditions", id="a doubtful condition"),
        pytest.param(
            {"history": [{"run": 1, "phase": "Failed", "finishedAt": NOW}] * 51}, "history", id="long history"
        ),
    ],
)
@pytest.mark.usefixtures("training")
def test_a_wrong_status_is_refused(status: Document, problem: str, kubectl: Kubectl) -> None:
    with pytest.raises(Refused, match=problem):
        written(kubectl, "test", **status)


@pytest.mark.usefixtures("training")
def test_the_status_is_no_way_to_the_spec_nor_the_spec_to_the_status(kubectl: Kubectl) -> None:
    kubectl.patch("atl", "demo", {"spec": {"suspend": True}, "status": {"phase": "Failed"}})
    kubectl.patch("atl", "demo", {"spec": {"suspend": False}, "status": {"phase": "Running"}}, "--subresource=status")
    found = kubectl.get("atl", "demo")
    assert (found["spec"]["suspend"], found["status"]["phase"]) == (True, "Running")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("atl", "A model trained by this recipe on these traces"),
        ("atl.spec", "What to train, on what, and how"),
        ("atl.spec.grpo.groupSize", "Completions sampled for each prompt"),
        ("atl.spec.traces", "Set exactly one of `postgres`, `s3`, `file`"),
        ("atl.spec.reward.verifiers", "One named check"),
        ("atl.spec.compute.resources.limits", "`nvidia.com/gpu` is not among them: trainings have `gpusPerWorker`"),
        ("atl.status.conditions.reason", "Why `status` is what it is, in one CamelCase word"),
        ("rws", "Judges and verifiers that answer at an address"),
        ("rws.spec.judges.rubric", "Name of a rubric that comes with atlas-core"),
        ("rws.spec.models.large", "Model that is asked when the small model's samples disagree or doubt"),
        ("rws.spec.quorum", "With fewer verdicts the score is null, with reasons"),
        ("rws.status.judges.state", "`Unknown` until it was asked"),
    ],
)
def test_explain_reads_like_the_documentation(path: str, words: str, control_plane: ControlPlane) -> None:
    told = control_plane.kubectl.run("explain", path)
    assert words in " ".join(told.split())


@pytest.mark.parametrize("options", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_the_same_manifest_applied_again_changes_nothing(options: tuple[str, ...], kubectl: Kubectl) -> None:
    def apply() -> Document:
        kubectl.run("apply", *options, "-f", "-", text=json.dumps(manifest()))
        return kubectl.get("atl", "demo")

    apply()
    written(kubectl, "test", **STATUS)
    first, second = apply(), apply()
    assert (second["spec"], second["status"]) == (first["spec"], first["status"])
    assert second["metadata"]["generation"] == 1
