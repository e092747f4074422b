"""Argo CD's buttons for a training, the snippet that a platform engineer pastes, and the sandbox itself."""

import copy
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from cluster.kubectl import Kubectl
from lupa import lua51
from support.kubernetes import argocd, gitops_states

from atlas_api.training.retrain import RETRAIN_AT
from atlas_operator.cluster.document import Document

pytestmark = pytest.mark.cluster

SNIPPET = argocd.FOLDER / "argocd-cm.yaml"


def changes(before: Any, after: Any, path: str = "") -> set[str]:
    """Where two documents differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return set() if before == after else {path}
    keys = before.keys() | after.keys()
    return set().union(*(changes(before.get(key), after.get(key), f"{path}/{key}") for key in keys))


def act(action: str, training: Document) -> set[str]:
    """Carry out an action as Argo CD's merge patch does; what it changed. A changed spec is a new generation."""
    before = copy.deepcopy(training)
    training |= argocd.act(action, training)
    if training["spec"] != before["spec"]:
        training["metadata"]["generation"] += 1
    return changes(before, training)


@pytest.mark.parametrize(
    ("state", "enabled"),
    [
        (gitops_states.just_applied, {"suspend", "retrain"}),
        (gitops_states.running, {"suspend", "retrain"}),
        (gitops_states.succeeded, {"suspend", "retrain"}),
        (gitops_states.failed, {"suspend", "retrain"}),
        (gitops_states.stopping, {"resume"}),
        (gitops_states.suspended, {"resume"}),
    ],
)
def test_only_actions_that_do_something_can_be_clicked(state: gitops_states.State, enabled: set[str]) -> None:
    assert argocd.offered(state().training) == enabled


def test_suspend_changes_one_field_and_stops_the_run() -> None:
    life = gitops_states.running()
    assert act("suspend", life.training) == {"/spec/suspend", "/metadata/generation"}
    assert [each["kind"] for each in life.look().delete] == ["PyTorchJob"]
    assert life.settle().training["status"]["phase"] == "Suspended"


def test_resume_changes_one_field_and_goes_on_with_the_same_run() -> None:
    life = gitops_states.suspended()
    assert act("resume", life.training) == {"/spec/suspend", "/metadata/generation"}
    life.settle()
    assert (life.run["number"], life.run["attempt"]) == (1, 2)


def test_retrain_sets_one_annotation_and_starts_a_second_run() -> None:
    life = gitops_states.succeeded()
    assert act("retrain", life.training) == {"/metadata/annotations"}
    stamp = life.training["metadata"]["annotations"][RETRAIN_AT]
    life.settle()
    assert (life.run["number"], life.run["trigger"]) == (2, "RetrainAt")
    assert life.training["status"]["lastHandledRetrainAt"] == stamp


def test_retrain_waits_for_the_live_run() -> None:
    life = gitops_states.running()
    act("retrain", life.training)
    assert life.settle().run["number"] == 1
    assert life.ends(0).run["number"] == 2


def test_one_value_starts_one_run_however_long_it_is() -> None:
    life = gitops_states.succeeded()
    life.training["metadata"]["annotations"] = {RETRAIN_AT: "x" * 1000}
    assert life.settle().run["number"] == 2
    assert life.trains().ends(0).run["number"] == 2


def test_retrain_keeps_other_annotations_and_writes_a_time_that_everybody_reads() -> None:
    training = gitops_states.succeeded().training
    training["metadata"]["annotations"] = {"team": "refunds", RETRAIN_AT: "2026-01-01T00:00:00Z"}
    after = argocd.act("retrain", training)["metadata"]["annotations"]
    assert after.keys() == {"team", RETRAIN_AT}
    assert after["team"] == "refunds"
    assert datetime.fromisoformat(after[RETRAIN_AT]).utcoffset() == timedelta(0)


def test_the_snippet_holds_the_scripts() -> None:
    data = yaml.safe_load(SNIPPET.read_text())["data"]
    kind = "atlas.arc.computer_AtlasTraining"
    health = {f"resource.customizations.health.{each}" for each in (kind, "atlas.arc.computer_RewardService")}
    assert data.keys() == {*health, f"resource.customizations.actions.{kind}"}
    assert all(data[each] == argocd.script("health") for each in health)
    actions = yaml.safe_load(data[f"resource.customizations.actions.{kind}"])
    assert actions["discovery.lua"] == argocd.script("actions/discovery")
    names = sorted(path.stem for path in (argocd.FOLDER / "actions").glob("*.lua") if path.stem != "discovery")
    assert sorted(each["name"] for each in actions["definitions"]) == names
    assert all(each["action.lua"] == argocd.script(f"actions/{each['name']}") for each in actions["definitions"])
    assert argocd.offered(gitops_states.running().training) <= set(names)


def test_the_snippet_adds_to_what_argo_cd_is_already_told(kubectl: Kubectl) -> None:
    metadata = {"name": "argocd-cm"}
    kubectl.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"url": "https://cd.test"}})
    kubectl.run("patch", "configmap", "argocd-cm", "--patch-file", SNIPPET)
    data = kubectl.get("configmap", "argocd-cm")["data"]
    assert data == {"url": "https://cd.test", **yaml.safe_load(SNIPPET.read_text())["data"]}


@pytest.mark.parametrize(
    "script",
    [
        "return string.format('x')",
        "return ('x'):upper()",
        "return math.floor(1)",
        "return io.open('x')",
        "return os.time()",
        "return require('os').execute('true')",
        "return require('string')",
        "return debug.getinfo(1)",
        "return load('return 1')()",
        "return python.eval('1')",
    ],
)
def test_the_sandbox_refuses_what_argo_cd_refuses(script: str) -> None:
    with pytest.raises(lua51.LuaError):
        argocd.Sandbox().run(script, {})


def test_the_sandbox_ends_a_script_that_does_not_end() -> None:
    with pytest.raises(lua51.LuaError, match="ran longer"):
        argocd.Sandbox(seconds=0.05).run("while true do end", {})
