"""A training from its first run to its deletion, on a real API server with the real training-operator."""

import json
import time

import pytest
from cluster.kubectl import Document, Kubectl
from support.kubernetes.leftovers import assert_nothing_is_left
from support.training.cluster_trainings import cluster_training, condition, end_pod, finished_report, tell
from support.training.training_story import NAME, attempt_is, children, edit, phase_is, run_of, seen, start, succeed

from atlas_operator.cluster.labels import TRAINING
from atlas_operator.objects.names import job_name

pytestmark = pytest.mark.cluster


def run_json(kubectl: Kubectl, run: int) -> Document:
    """The run.json that the pod of a run's first attempt has mounted."""
    pod = kubectl.wait_for("pod", f"{job_name(NAME, run, 1)}-master-0", lambda pod: pod is not None, "the pod")
    assert pod is not None
    mounted = next(each["configMap"]["name"] for each in pod["spec"]["volumes"] if each["name"] == "run")
    content: Document = json.loads(kubectl.get("configmap", mounted)["data"]["run.json"])
    return content


def test_a_training_becomes_a_job_whose_pod_is_given_what_it_needs(watched: Kubectl) -> None:
    training = start(watched)
    assert run_of(training) == (1, 1)
    assert training["status"]["run"]["trigger"] == "Created"
    pod = watched.get("pod", f"{job_name(NAME, 1, 1)}-master-0")
    environment = {one["name"]: one for one in pod["spec"]["containers"][0]["env"]}
    assert environment["ATLAS_TRACES_URL"]["valueFrom"]["secretKeyRef"] == {"name": "atlas-db", "key": "url"}
    assert environment["ATLAS_ATTEMPT"]["value"] == "1"
    assert run_json(watched, 1)["spec"]["optimization"]["maxSteps"] == 400


def test_a_training_in_a_namespace_that_is_not_served_is_left_alone(watched: Kubectl, kubectl: Kubectl) -> None:
    kubectl.create(cluster_training(NAME))
    start(watched)
    assert "phase" not in kubectl.get("atlastraining", NAME)["status"]


def test_a_run_succeeds_when_its_trainer_says_so_and_the_model_is_named(watched: Kubectl) -> None:
    start(watched)
    status = succeed(watched)["status"]
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


def test_a_changed_recipe_replaces_the_run_once_its_pods_are_gone(watched: Kubectl) -> None:
    start(watched)
    first = f"{job_name(NAME, 1, 1)}-master-0"
    watched.annotate("pod", first, {"test.atlas/deletion-seconds": "3"})
    watched.patch("atlastraining", NAME, {"spec": {"optimization": {"maxSteps": 200}}})
    phase_is(watched, "Stopping")
    assert not [
        name for name in children(watched) if name.startswith("pytorchjob") and name.endswith(job_name(NAME, 2, 1))
    ]
    training = attempt_is(watched, 2, 1)
    assert watched.find("pod", first) is None
    assert training["status"]["history"][0]["reason"] == "Replaced"
    phase_is(watched, "Running")


def test_labels_limits_and_history_start_nothing(watched: Kubectl) -> None:
    before = start(watched)
    watched.run("label", "atlastraining", NAME, "team=support")
    changes = {"historyLimit": 3, "limits": {"runSeconds": 90000}, "retrain": {"onSpecChange": "Wait"}}
    after = watched.patch("atlastraining", NAME, {"spec": changes})
    generation = after["metadata"]["generation"]
    training = seen(watched, lambda one: one["status"]["observedGeneration"] == generation, "observed")
    assert training["status"]["run"] == before["status"]["run"]


def test_with_wait_the_next_run_follows_the_end_of_the_live_one(watched: Kubectl) -> None:
    start(watched, retrain={"onSpecChange": "Wait"})
    watched.patch("atlastraining", NAME, {"spec": {"optimization": {"maxSteps": 200}}})
    seen(watched, lambda one: "another run follows (SpecChange)" in condition(one, "Running")["message"], "announced")
    tell(watched, NAME, finished_report(1, 1))
    end_pod(watched, NAME, 1, 1, 0)
    training = attempt_is(watched, 2, 1)
    assert training["status"]["history"][0]["phase"] == "Succeeded"
    assert training["status"]["model"]["run"] == 1


def test_with_never_a_changed_recipe_waits_for_the_annotation(watched: Kubectl) -> None:
    start(watched, retrain={"onSpecChange": "Never"})
    succeed(watched)
    assert run_of(edit(watched, optimization={"maxSteps": 200})) == (1, 1)
    watched.annotate("atlastraining", NAME, {"atlas.arc.computer/retrain-at": "now"})
    assert attempt_is(watched, 2, 1)["status"]["run"]["trigger"] == "RetrainAt"
    assert run_json(watched, 2)["spec"]["optimization"]["maxSteps"] == 200


def test_other_pods_are_given_to_the_same_run(watched: Kubectl) -> None:
    start(watched)
    watched.patch("atlastraining", NAME, {"spec": {"compute": {"image": "example.test/trainer:2"}}})
    attempt_is(watched, 1, 2)
    training = phase_is(watched, "Running")
    assert "failures" not in training["status"]["run"]
    pod = watched.get("pod", f"{job_name(NAME, 1, 2)}-master-0")
    assert pod["spec"]["containers"][0]["image"] == "example.test/trainer:2"


def test_the_annotation_retrain_at_starts_a_run_and_is_echoed(watched: Kubectl) -> None:
    start(watched)
    succeed(watched)
    watched.annotate("atlastraining", NAME, {"atlas.arc.computer/retrain-at": "2026-11-01T12:00:00Z"})
    training = attempt_is(watched, 2, 1)
    assert training["status"]["lastHandledRetrainAt"] == "2026-11-01T12:00:00Z"
    assert training["status"]["run"]["trigger"] == "RetrainAt"


def test_an_annotation_during_a_run_is_answered_when_that_has_ended(watched: Kubectl) -> None:
    start(watched)
    watched.annotate("atlastraining", NAME, {"atlas.arc.computer/retrain-at": "soon"})
    assert run_of(edit(watched, historyLimit=3)) == (1, 1)
    tell(watched, NAME, finished_report(1, 1))
    end_pod(watched, NAME, 1, 1, 0)
    training = attempt_is(watched, 2, 1)
    assert training["status"]["history"][0]["phase"] == "Succeeded"
    assert training["status"]["lastHandledRetrainAt"] == "soon"


def test_suspending_frees_the_pods_and_resuming_goes_on_with_the_run(watched: Kubectl) -> None:
    start(watched)
    watched.patch("atlastraining", NAME, {"spec": {"suspend": True}})
    training = phase_is(watched, "Suspended")
    assert condition(training, "Suspended")["status"] == "True"
    assert not [name for name in children(watched) if name.startswith(("pod/", "pytorchjob"))]
    watched.patch("atlastraining", NAME, {"spec": {"suspend": False}})
    attempt_is(watched, 1, 2)
    phase_is(watched, "Running")


def test_a_job_that_its_queue_takes_back_waits_and_goes_on_as_the_same_attempt(watched: Kubectl) -> None:
    start(watched, compute={"image": "example.test/trainer:1", "queueName": "gpus"})
    job = watched.get("pytorchjob", job_name(NAME, 1, 1))
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    watched.patch("pytorchjob", job_name(NAME, 1, 1), {"spec": {"runPolicy": {"suspend": True}}})  # as Kueue does
    training = phase_is(watched, "Queued")
    assert "waits in queue gpus" in condition(training, "Running")["message"]
    assert watched.items("pods") == []
    watched.patch("pytorchjob", job_name(NAME, 1, 1), {"spec": {"runPolicy": {"suspend": False}}})
    training = phase_is(watched, "Running")
    assert run_of(training) == (1, 1)
    assert "failures" not in training["status"]["run"]


def test_deleting_a_training_leaves_nothing(watched: Kubectl) -> None:
    start(watched)
    watched.delete("atlastraining", NAME)
    assert_nothing_is_left(watched, TRAINING)


def test_an_idle_training_is_not_written(watched: Kubectl) -> None:
    start(watched)
    before = succeed(watched)["metadata"]["resourceVersion"]
    time.sleep(3)
    assert watched.get("atlastraining", NAME)["metadata"]["resourceVersion"] == before


def test_local_checkpoints_are_refused_with_the_cure(watched: Kubectl) -> None:
    watched.create(cluster_training(NAME, checkpoints={"local": {"path": "runs"}}))
    training = phase_is(watched, "Invalid")
    assert condition(training, "Stalled")["reason"] == "LocalCheckpoints"
    assert "checkpoints.s3" in condition(training, "Ready")["message"]
