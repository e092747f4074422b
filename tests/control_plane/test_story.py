"""The operator on a real API server with the real training-operator; kwok plays the pods."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Document, Kubectl, Refused
from support.cluster_trainings import (
    cluster_training,
    condition,
    end_pod,
    finished_report,
    report,
    tell,
)
from support.operator_process import install, kubeconfig_of_the_operator, operator

from atlas_operator.labels import job_name

pytestmark = pytest.mark.cluster

NAME = "refunds"


@pytest.fixture(scope="module")
def _operator(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("operator")
    install(control_plane.kubectl)
    with operator(kubeconfig_of_the_operator(control_plane.kubectl, folder), folder / "operator.log"):
        yield
    print((folder / "operator.log").read_text())


@pytest.fixture
def trainings(_operator: None, kubectl: Kubectl) -> Kubectl:
    """kubectl in a fresh namespace that the operator watches."""
    return kubectl


def seen(kubectl: Kubectl, holds: Callable[[Document], bool], what: str, seconds: float = 30) -> Document:
    """The training, once *holds*; the wait says what it waited for."""
    found = kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and holds(one), what, seconds)
    assert found is not None
    return found


def phase_is(kubectl: Kubectl, phase: str, seconds: float = 30) -> Document:
    return seen(kubectl, lambda one: one.get("status", {}).get("phase") == phase, f"phase {phase}", seconds)


def run_of(training: Document) -> tuple[int, int]:
    run = training["status"]["run"]
    return run["number"], run["attempt"]


def shows(step: str) -> Callable[[Document], bool]:
    return lambda training: bool(training["status"]["display"].get("step") == step)


def start(kubectl: Kubectl, **spec: object) -> Document:
    kubectl.create(cluster_training(NAME, **spec))
    return phase_is(kubectl, "Running")


def succeed(kubectl: Kubectl, run: int = 1, attempt: int = 1) -> Document:
    tell(kubectl, NAME, finished_report(run, attempt))
    end_pod(kubectl, NAME, run, attempt, 0)
    return phase_is(kubectl, "Succeeded")


def children(kubectl: Kubectl) -> list[str]:
    kinds = "pytorchjobs,pods,services,configmaps,serviceaccounts,roles,rolebindings"
    names = kubectl.run("get", kinds, "-l", "atlas.arc.computer/training", "-o", "name").split()
    return sorted(names)


def test_a_training_becomes_a_job_whose_pod_is_given_what_it_needs(trainings: Kubectl) -> None:
    training = start(trainings)
    assert run_of(training) == (1, 1)
    assert training["status"]["run"]["trigger"] == "Created"
    pod = trainings.get("pod", f"{job_name(NAME, 1, 1)}-master-0")
    environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
    assert environment["ATLAS_TRACES_URL"]["valueFrom"]["secretKeyRef"] == {"name": "atlas-db", "key": "url"}
    assert environment["ATLAS_ATTEMPT"]["value"] == "1"
    run_file = trainings.get("configmap", f"{NAME}-1")["data"]["run.json"]
    assert json.loads(run_file)["spec"]["optimization"]["maxSteps"] == 400


def test_progress_reaches_the_status_within_twelve_seconds(trainings: Kubectl) -> None:
    start(trainings)
    for step in (100, 248):
        tell(trainings, NAME, report(1, 1, step=step))
        training = seen(trainings, shows(f"{step}/400"), "progress", 12)
    status = training["status"]
    assert (status["progress"]["percent"], status["display"]["eta"], status["metrics"]["reward"]) == (62, "41m", 0.71)
    assert status["checkpoints"]["latest"]["step"] == 248
    line = trainings.run("get", "atl", NAME, "--no-headers").split()
    assert line[:8] == [NAME, "Running", "GRPO", "62%", "248/400", "41m", "0.71", "1"]


def test_a_run_succeeds_when_its_trainer_says_so_and_the_model_is_named(trainings: Kubectl) -> None:
    start(trainings)
    status = succeed(trainings)["status"]
    assert status["model"]["uri"] == "s3://models/atlas/x/run-0001/final"
    assert {
        kind: condition({"status": status}, kind)["status"]
        for kind in ("Ready", "LastRunSucceeded", "ModelAvailable", "Stalled")
    } == {
        "Ready": "True",
        "LastRunSucceeded": "True",
        "ModelAvailable": "True",
        "Stalled": "False",
    }


def test_a_job_that_ends_well_without_the_final_marker_is_tried_again(trainings: Kubectl) -> None:
    start(trainings)
    end_pod(trainings, NAME, 1, 1, 0)
    training = seen(trainings, lambda one: run_of(one) == (1, 2), "second attempt")
    assert training["status"]["run"]["failures"] == {"infrastructure": 1}
    assert training["status"]["run"]["reason"] == "MarkerMissing"


def test_a_mistake_of_the_user_ends_the_run_at_once_and_a_mended_recipe_starts_the_next(trainings: Kubectl) -> None:
    start(trainings)
    said = report(
        1, 1, "Failed", reason="FlatReward", message="FlatReward: all completions score the same", exitCode=43
    )
    tell(trainings, NAME, said)
    end_pod(trainings, NAME, 1, 1, 43)
    training = phase_is(trainings, "Failed")
    assert condition(training, "Stalled")["reason"] == "FlatReward"
    trainings.patch("atlastraining", NAME, {"spec": {"reward": {"verifiers": [{"name": "exact", "exactMatch": {}}]}}})
    training = seen(trainings, lambda one: run_of(one) == (2, 1), "second run")
    assert training["status"]["run"]["trigger"] == "SpecChange"
    (entry,) = training["status"]["history"]
    assert (entry["run"], entry["phase"], entry["reason"]) == (1, "Failed", "FlatReward")


def test_an_evicted_pod_is_followed_by_another_attempt_on_the_same_run(trainings: Kubectl) -> None:
    start(trainings)
    end_pod(trainings, NAME, 1, 1, 137, pod_reason="Evicted", pod_message="The node was low on resource: memory.")
    training = seen(trainings, lambda one: run_of(one) == (1, 2), "second attempt")
    assert training["status"]["run"]["failures"] == {"infrastructure": 1}
    phase_is(trainings, "Running")


def test_a_changed_recipe_replaces_the_run_once_its_pods_are_gone(trainings: Kubectl) -> None:
    start(trainings)
    first = f"{job_name(NAME, 1, 1)}-master-0"
    trainings.annotate("pod", first, {"test.atlas/deletion-seconds": "3"})
    trainings.patch("atlastraining", NAME, {"spec": {"optimization": {"maxSteps": 200}}})
    phase_is(trainings, "Stopping")
    assert not [
        name for name in children(trainings) if name.startswith("pytorchjob") and name.endswith(job_name(NAME, 2, 1))
    ]
    training = seen(trainings, lambda one: run_of(one) == (2, 1), "second run")
    assert trainings.find("pod", first) is None
    assert training["status"]["history"][0]["reason"] == "Replaced"
    phase_is(trainings, "Running")


def test_labels_limits_and_history_start_nothing(trainings: Kubectl) -> None:
    before = start(trainings)
    trainings.run("label", "atlastraining", NAME, "team=support")
    changes = {"historyLimit": 3, "limits": {"runSeconds": 90000}, "retrain": {"onSpecChange": "Wait"}}
    after = trainings.patch("atlastraining", NAME, {"spec": changes})
    generation = after["metadata"]["generation"]
    training = seen(trainings, lambda one: one["status"]["observedGeneration"] == generation, "observed")
    assert training["status"]["run"] == before["status"]["run"]


def test_with_wait_the_next_run_follows_the_end_of_the_live_one(trainings: Kubectl) -> None:
    start(trainings, retrain={"onSpecChange": "Wait"})
    trainings.patch("atlastraining", NAME, {"spec": {"optimization": {"maxSteps": 200}}})
    tell(trainings, NAME, finished_report(1, 1))
    end_pod(trainings, NAME, 1, 1, 0)
    training = seen(trainings, lambda one: run_of(one) == (2, 1), "second run")
    assert training["status"]["history"][0]["phase"] == "Succeeded"
    assert training["status"]["model"]["run"] == 1


def test_other_pods_are_given_to_the_same_run(trainings: Kubectl) -> None:
    start(trainings)
    trainings.patch("atlastraining", NAME, {"spec": {"compute": {"image": "example.test/trainer:2"}}})
    seen(trainings, lambda one: run_of(one) == (1, 2), "second attempt")
    training = phase_is(trainings, "Running")
    assert "failures" not in training["status"]["run"]
    pod = trainings.get("pod", f"{job_name(NAME, 1, 2)}-master-0")
    assert pod["spec"]["containers"][0]["image"] == "example.test/trainer:2"


def test_the_annotation_retrain_at_starts_a_run_and_is_echoed(trainings: Kubectl) -> None:
    start(trainings)
    succeed(trainings)
    trainings.annotate("atlastraining", NAME, {"atlas.arc.computer/retrain-at": "2026-11-01T12:00:00Z"})
    training = seen(trainings, lambda one: run_of(one) == (2, 1), "second run")
    assert training["status"]["lastHandledRetrainAt"] == "2026-11-01T12:00:00Z"
    assert training["status"]["run"]["trigger"] == "RetrainAt"


def test_suspending_frees_the_pods_and_resuming_goes_on_with_the_run(trainings: Kubectl) -> None:
    start(trainings)
    trainings.patch("atlastraining", NAME, {"spec": {"suspend": True}})
    training = phase_is(trainings, "Suspended")
    assert condition(training, "Suspended")["status"] == "True"
    assert not [name for name in children(trainings) if name.startswith(("pod/", "pytorchjob"))]
    trainings.patch("atlastraining", NAME, {"spec": {"suspend": False}})
    seen(trainings, lambda one: run_of(one) == (1, 2), "second attempt")
    phase_is(trainings, "Running")


def test_a_pod_that_no_node_has_room_for_is_explained(trainings: Kubectl) -> None:
    trainings.create(
        cluster_training(
            NAME, compute={"image": "example.test/trainer:1", "gpusPerWorker": 9}, optimization={"batchSize": 36}
        )
    )
    training = seen(trainings, lambda one: condition(one, "Running").get("reason") == "Unschedulable", "diagnosis")
    assert "nvidia.com/gpu" in condition(training, "Running")["message"]


def test_a_run_that_finds_no_room_in_time_fails_with_the_reason(trainings: Kubectl) -> None:
    compute = {"image": "example.test/trainer:1", "nodeSelector": {"disk": "fast"}}
    trainings.create(cluster_training(NAME, compute=compute, limits={"queueSeconds": 3}))
    training = phase_is(trainings, "Failed")
    assert training["status"]["run"]["reason"] == "QueueTimeout"
    assert "limits.queueSeconds (3 s)" in training["status"]["message"]
    assert "node" in training["status"]["message"]


def test_a_run_whose_image_cannot_be_pulled_in_time_fails_with_the_reason(trainings: Kubectl) -> None:
    compute = {"image": "example.test/trainer:1", "schedulerName": "by-hand"}
    trainings.create(cluster_training(NAME, compute=compute, limits={"startSeconds": 3}))
    pod = f"{job_name(NAME, 1, 1)}-master-0"
    trainings.wait_for("pod", pod, lambda one: one is not None)
    waiting = {"test.atlas/waiting-reason": "ImagePullBackOff", "test.atlas/waiting-message": "manifest unknown"}
    trainings.annotate("pod", pod, waiting)
    target = {"apiVersion": "v1", "kind": "Node", "name": "simulated-1"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
    trainings.run("create", "-f", "-", text=json.dumps(binding))
    training = phase_is(trainings, "Failed")
    assert training["status"]["run"]["reason"] == "StartTimeout"
    assert "example.test/trainer:1" in training["status"]["message"]


def test_a_run_without_a_sign_of_life_is_stopped_and_tried_again(trainings: Kubectl) -> None:
    start(trainings, limits={"stallSeconds": 3})
    training = seen(trainings, lambda one: run_of(one) == (1, 2), "second attempt")
    assert training["status"]["run"]["reason"] == "Stalled"


def test_a_run_that_takes_too_long_fails(trainings: Kubectl) -> None:
    start(trainings, limits={"runSeconds": 3})
    training = phase_is(trainings, "Failed")
    assert condition(training, "Stalled")["reason"] == "RunTimeout"


def test_a_deleted_job_is_tried_again(trainings: Kubectl) -> None:
    start(trainings)
    trainings.delete("pytorchjob", job_name(NAME, 1, 1), "--wait=false")
    training = seen(trainings, lambda one: run_of(one) == (1, 2), "second attempt")
    assert training["status"]["run"]["reason"] == "JobDeleted"


def test_deleting_a_training_leaves_nothing(trainings: Kubectl) -> None:
    start(trainings)
    trainings.delete("atlastraining", NAME)
    deadline = time.monotonic() + 30
    while children(trainings) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert children(trainings) == []


def test_an_idle_training_is_not_written(trainings: Kubectl) -> None:
    start(trainings)
    before = succeed(trainings)["metadata"]["resourceVersion"]
    time.sleep(3)
    assert trainings.get("atlastraining", NAME)["metadata"]["resourceVersion"] == before


def test_local_checkpoints_are_refused_with_the_cure(trainings: Kubectl) -> None:
    trainings.create(cluster_training(NAME, checkpoints={"local": {"path": "runs"}}))
    training = phase_is(trainings, "Invalid")
    assert condition(training, "Stalled")["reason"] == "LocalCheckpoints"
    assert "checkpoints.s3" in condition(training, "Ready")["message"]


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
def test_a_trainer_that_lies_changes_nothing_but_its_own_numbers(trainings: Kubectl, lie: str) -> None:
    start(trainings)
    tell(trainings, NAME, report(1, 1))
    before = seen(trainings, shows("100/400"), "progress")["status"]
    progress = trainings.get("configmap", f"{NAME}-1-progress")
    trainings.run("replace", "-f", "-", text=json.dumps({**progress, "data": {"report": lie}}))
    time.sleep(2)
    after = trainings.get("atlastraining", NAME)["status"]
    assert (after["phase"], after["run"], after["progress"]) == (before["phase"], before["run"], before["progress"])
    assert len(json.dumps(after)) < 32_000


def test_the_pods_account_may_patch_its_own_progress_and_nothing_else(trainings: Kubectl) -> None:
    start(trainings)
    account = f"--as=system:serviceaccount:{trainings.namespace}:{NAME}-1"

    def may(*what: str) -> bool:
        try:
            return trainings.run("auth", "can-i", *what, account).strip() == "yes"
        except Refused:
            return False

    assert may("patch", f"configmaps/{NAME}-1-progress")
    assert not any(
        [
            may("patch", f"configmaps/{NAME}-1"),
            may("list", "configmaps"),
            may("get", "secrets"),
            may("patch", "atlastrainings/status"),
            may("create", "pods"),
        ]
    )
