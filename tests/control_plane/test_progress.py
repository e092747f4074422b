"""The way of a trainer's numbers into the status: what is shown when, what a liar can do, and with which rights."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cluster.kubectl import Document, Kubectl, Refused
from support.kubernetes.account_rights import as_pod, may
from support.training.cluster_trainings import report, tell
from support.training.training_story import NAME, edit, seen, shows, start

from atlas_operator.cluster.labels import FIELD_MANAGER
from atlas_operator.objects.names import progress_name

pytestmark = pytest.mark.cluster


def test_progress_reaches_the_status_within_twelve_seconds(watched: Kubectl) -> None:
    start(watched)
    for step in (100, 248):
        tell(watched, NAME, report(1, 1, step=step))
        training = seen(watched, shows(f"{step}/400"), "progress")
        told = written_at(watched, "configmap", progress_name(NAME, 1), "kubectl-patch")
        shown = written_at(watched, "atlastraining", NAME, FIELD_MANAGER)
        assert shown - told <= timedelta(seconds=12)
    status = training["status"]
    assert (status["progress"]["percent"], status["display"]["eta"], status["metrics"]["reward"]) == (62, "41m", 0.71)
    assert status["checkpoints"]["latest"]["step"] == 248
    line = watched.run("get", "atl", NAME, "--no-headers").split()
    assert line[:8] == [NAME, "Running", "GRPO", "62%", "248/400", "41m", "0.71", "1"]


def written_at(kubectl: Kubectl, kind: str, name: str, manager: str) -> datetime:
    """When the manager last wrote to the object, by the API server's clock: our own polls may come late."""
    fields = kubectl.get(kind, name, "--show-managed-fields")["metadata"]["managedFields"]
    return max(datetime.fromisoformat(one["time"]) for one in fields if one["manager"] == manager)


@pytest.mark.parametrize(
    "lie",
    [
        '{"run": 1, "attempt": 1, "phase": "Succeeded", "model": "mine"}',
        '{"run": 2, "attempt": 1, "phase": "Running", "progress": {"step": 400, "maxSteps": 400}}',
        '{"run": 1, "attempt": 1, "phase": "Running", "metrics": {"reward": 1e999, "x": [[[]]]}}',
        "x" * 900_000,
    ],
    ids=["wrong types", "another run", "huge numbers", "a megabyte"],
)
def test_a_trainer_that_lies_changes_nothing_but_its_own_numbers(watched: Kubectl, lie: str) -> None:
    start(watched)
    tell(watched, NAME, report(1, 1))
    training = edit(watched, historyLimit=4)  # by now the operator has read it
    assert shows("100/400")(training)
    before = training["status"]
    progress = watched.get("configmap", f"{NAME}-1-progress")
    watched.run("replace", "-f", "-", text=json.dumps({**progress, "data": {"report": lie}}))
    after = edit(watched, historyLimit=3)["status"]  # and this
    assert (after["phase"], after["run"], after["progress"]) == (before["phase"], before["run"], before["progress"])
    assert len(json.dumps(after)) < 32_000


@pytest.mark.parametrize(
    "lie",
    [
        {"finalizers": ["example.test/never"]},
        {"ownerReferences": None},
        {"labels": {"atlas.arc.computer/training": "another"}},
        {"labels": None},
        {"annotations": {"atlas.arc.computer/training": "another"}},
    ],
    ids=["a finalizer", "no owner", "another training", "no labels", "another name"],
)
def test_pods_can_neither_hide_nor_hold_what_they_report_to(watched: Kubectl, lie: Document, tmp_path: Path) -> None:
    start(watched)
    pod = as_pod(watched, f"{NAME}-1", f"{NAME}-1-1-master-0", tmp_path)
    with pytest.raises(Refused, match="pods may report, and may not change"):
        pod.patch("configmap", f"{NAME}-1-progress", {"metadata": lie})
    pod.patch("configmap", f"{NAME}-1-progress", {"data": {"report": json.dumps(report(1, 1, step=248))}})
    assert shows("248/400")(edit(watched, historyLimit=3))  # by now the operator has read it


def test_where_nothing_keeps_pods_from_it_an_immutable_map_is_made_anew(watched: Kubectl) -> None:
    start(watched)
    name = progress_name(NAME, 1)
    stuck = watched.patch("configmap", name, {"immutable": True})["metadata"]["uid"]
    watched.wait_for("configmap", name, lambda one: one is not None and one["metadata"]["uid"] != stuck, "another map")
    tell(watched, NAME, report(1, 1, step=248))
    assert shows("248/400")(edit(watched, historyLimit=3))


def test_the_pods_account_may_patch_its_own_progress_and_nothing_else(watched: Kubectl) -> None:
    start(watched)
    account = f"{NAME}-1"
    assert may(watched, account, "patch", f"configmaps/{NAME}-1-progress")
    assert not any(
        [
            may(watched, account, "patch", "configmaps"),
            may(watched, account, "list", "configmaps"),
            may(watched, account, "get", "secrets"),
            may(watched, account, "patch", "atlastrainings/status"),
            may(watched, account, "create", "pods"),
        ]
    )
