"""Argo CD's buttons for a training, the snippet that a platform engineer pastes, and the sandbox itself."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from cluster.kubectl import Kubectl
from lupa import lua51
from support.kubernetes import argocd, gitops_states
from support.training.scenario import Scenario

from atlas_api.training.retrain import RETRAIN_AT

pytestmark = pytest.mark.cluster

SNIPPET = argocd.FOLDER / "argocd-cm.yaml"


def changes(before: Any, after: Any, path: str = "") -> set[str]:
    """Where two documents differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return set() if before == after else {path}
    keys = before.keys() | after.keys()
    return set().union(*(changes(before.get(key), after.get(key), f"{path}/{key}") for key in keys))


def act(action: str, before: Scenario) -> tuple[Scenario, set[str]]:
    """Carry out an action as Argo CD's merge patch does. Returns also what it changed."""
    after = before.write({**before.training, **argocd.act(action, before.training)})
    return after, changes(before.training, after.training)


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
    suspended, changed = act("suspend", gitops_states.running())
    assert changed == {"/spec/suspend", "/metadata/generation"}
    stopping = suspended.look()
    assert [each["kind"] for each in stopping.last.delete] == ["PyTorchJob"]
    assert stopping.pods_end().look_until_quiet().status.phase == "Suspended"


def test_resume_changes_one_field_and_goes_on_with_the_same_run() -> None:
    resumed, changed = act("resume", gitops_states.suspended())
    assert changed == {"/spec/suspend", "/metadata/generation"}
    run = resumed.look_until_quiet().run
    assert (run.number, run.attempt) == (1, 2)


def test_retrain_sets_one_annotation_and_starts_a_second_run() -> None:
    asked, changed = act("retrain", gitops_states.succeeded())
    assert changed == {"/metadata/annotations"}
    second = asked.look_until_quiet()
    assert (second.run.number, second.run.trigger) == (2, "RetrainAt")
    assert second.status.last_handled_retrain_at == asked.training["metadata"]["annotations"][RETRAIN_AT]


def test_retrain_waits_for_the_live_run() -> None:
    asked, _ = act("retrain", gitops_states.running())
    live = asked.look_until_quiet()
    assert live.run.number == 1
    assert live.trained().look_until_quiet().run.number == 2


def test_one_value_starts_one_run_however_long_it_is() -> None:
    second = gitops_states.succeeded().annotate("x" * 1000).look_until_quiet()
    assert second.run.number == 2
    assert second.trained().look_until_quiet().run.number == 2


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
