"""Attempts that fail, and runs that take too long, on a real API server with the real training-operator."""

import json
from collections.abc import Callable

import pytest
from cluster.components.kwok import PREFIX
from cluster.kubectl import Document, Kubectl
from support.kubernetes.pytorch_jobs import has_condition
from support.training.cluster_trainings import cluster_training, condition, end_pod, report, tell
from support.training.training_story import NAME, attempt_is, edit, phase_is, seen, start

from atlas_operator.objects.names import job_name

pytestmark = pytest.mark.cluster


def test_a_job_that_ends_well_without_the_final_marker_is_tried_again(watched: Kubectl) -> None:
    start(watched)
    end_pod(watched, NAME, 1, 1, 0)
    training = attempt_is(watched, 1, 2)
    assert training["status"]["run"]["failures"] == {"infrastructure": 1}
    assert training["status"]["run"]["reason"] == "MarkerMissing"


def test_a_mistake_of_the_user_ends_the_run_at_once_and_a_mended_recipe_starts_the_next(watched: Kubectl) -> None:
    start(watched)
    said = report(
        1, 1, "Failed", reason="FlatReward", message="FlatReward: all completions score the same", exitCode=43
    )
    tell(watched, NAME, said)
    end_pod(watched, NAME, 1, 1, 43)
    training = phase_is(watched, "Failed")
    assert condition(training, "Stalled")["reason"] == "FlatReward"
    watched.patch("atlastraining", NAME, {"spec": {"reward": {"verifiers": [{"name": "exact", "exactMatch": {}}]}}})
    training = attempt_is(watched, 2, 1)
    assert training["status"]["run"]["trigger"] == "SpecChange"
    (entry,) = training["status"]["history"]
    assert (entry["run"], entry["phase"], entry["reason"]) == (1, "Failed", "FlatReward")


def test_an_evicted_pod_is_followed_by_another_attempt_and_stays_for_its_log(watched: Kubectl) -> None:
    start(watched)
    end_pod(watched, NAME, 1, 1, 137, pod_reason="Evicted", pod_message="The node was low on resource: memory.")
    run = attempt_is(watched, 1, 2)["status"]["run"]
    assert (run["failures"], run["reason"]) == ({"infrastructure": 1}, "Evicted")
    phase_is(watched, "Running")
    assert watched.get("pod", f"{job_name(NAME, 1, 1)}-master-0")["status"]["phase"] == "Failed"


def test_an_exit_code_alone_tells_what_the_trainer_could_not_report(watched: Kubectl) -> None:
    start(watched)
    end_pod(watched, NAME, 1, 1, 45)
    run = phase_is(watched, "Failed")["status"]["run"]
    assert (run["attempt"], run["reason"], run["failures"]) == (1, "NothingScored", {"user": 1})


def test_a_deleted_job_is_tried_again(watched: Kubectl) -> None:
    start(watched)
    watched.delete("pytorchjob", job_name(NAME, 1, 1), "--wait=false")
    training = attempt_is(watched, 1, 2)
    assert training["status"]["run"]["reason"] == "JobDeleted"


def test_memory_that_ran_out_ends_the_run_and_says_what_to_change(watched: Kubectl) -> None:
    start(watched)
    end_pod(watched, NAME, 1, 1, 137, reason="OOMKilled")
    training = phase_is(watched, "Failed")
    assert (training["status"]["run"]["reason"], training["status"]["run"]["attempt"]) == ("OOMKilled", 1)
    assert "compute.resources.limits.memory" in condition(training, "Stalled")["message"]


def test_preempted_attempts_have_a_budget_of_their_own(watched: Kubectl) -> None:
    start(watched, limits={"retries": {"preempted": 1, "infrastructure": 0}})
    for attempt in (1, 2):
        attempt_is(watched, 1, attempt)
        phase_is(watched, "Running")
        pod = f"{job_name(NAME, 1, attempt)}-master-0"
        watched.annotate("pod", pod, {f"{PREFIX}disruption": "PreemptionByScheduler"})
        watched.wait_for("pod", pod, lambda one: has_condition(one, "DisruptionTarget"))
        end_pod(watched, NAME, 1, attempt, 143)
    training = phase_is(watched, "Failed")
    assert training["status"]["run"]["failures"] == {"preempted": 2}
    assert "limits.retries.preempted is 1" in condition(training, "Stalled")["message"]


def test_one_lost_worker_of_two_ends_the_attempt_of_both(watched: Kubectl) -> None:
    start(watched, compute={"image": "example.test/trainer:1", "workers": 2})
    watched.annotate("pod", f"{job_name(NAME, 1, 1)}-worker-1", {f"{PREFIX}pod-reason": "Evicted"})
    assert attempt_is(watched, 1, 2)["status"]["run"]["failures"] == {"infrastructure": 1}
    phase_is(watched, "Running")
    running = [pod["metadata"]["name"] for pod in watched.items("pods") if pod["status"]["phase"] == "Running"]
    assert sorted(running) == [f"{job_name(NAME, 1, 2)}-worker-{number}" for number in (0, 1)]


def test_a_pod_that_no_node_has_room_for_is_explained(watched: Kubectl) -> None:
    watched.create(
        cluster_training(
            NAME, compute={"image": "example.test/trainer:1", "gpusPerWorker": 9}, optimization={"batchSize": 36}
        )
    )
    training = seen(watched, lambda one: condition(one, "Running").get("reason") == "Unschedulable", "diagnosis")
    assert "nvidia.com/gpu" in condition(training, "Running")["message"]


def is_not_ready(reason: str) -> Callable[[Document], bool]:
    """Whether Ready is False and Reconciling True, for this reason."""
    return lambda one: (
        (condition(one, "Ready").get("status"), condition(one, "Reconciling").get("status")) == ("False", "True")
        and condition(one, "Ready").get("reason") == reason
    )


def warnings_of(kubectl: Kubectl, name: str) -> list[str]:
    """Reasons of the Warning events about a training."""
    about = [each for each in kubectl.items("events") if each["involvedObject"]["name"] == name]
    return [each["reason"] for each in about if each["type"] == "Warning"]


def test_a_quota_that_never_allows_the_pods_is_somebodys_to_mend_and_not_ready(watched: Kubectl) -> None:
    hard = {"requests.nvidia.com/gpu": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "gpus"}, "spec": {"hard": hard}}
    watched.create(quota)
    watched.wait_for("resourcequota", "gpus", lambda one: bool(one and one.get("status", {}).get("hard")))
    watched.create(cluster_training(NAME))
    training = seen(watched, is_not_ready("QuotaExceeded"), "diagnosis")
    assert training["status"]["display"]["reason"] == "QuotaExceeded"
    assert training["status"]["run"]["blockedSince"]
    assert warnings_of(watched, NAME) == ["QuotaExceeded"]
    watched.delete("resourcequota", "gpus")


def test_a_priority_class_that_is_not_there_is_named(watched: Kubectl) -> None:
    compute = {"image": "example.test/trainer:1", "priorityClassName": "urgent"}
    watched.create(cluster_training(NAME, compute=compute))
    training = seen(watched, is_not_ready("PriorityClassMissing"), "diagnosis")
    assert "PriorityClass urgent" in condition(training, "Ready")["message"]
    assert warnings_of(watched, NAME) == ["PriorityClassMissing"]


def test_a_run_that_starts_well_posts_no_warning(watched: Kubectl) -> None:
    start(watched)
    jobs = [job["metadata"]["name"] for job in watched.items("pytorchjobs")]
    assert [reason for name in (NAME, *jobs) for reason in warnings_of(watched, name)] == []


def test_a_run_that_finds_no_room_in_time_fails_with_the_reason(watched: Kubectl) -> None:
    compute = {"image": "example.test/trainer:1", "nodeSelector": {"disk": "fast"}}
    watched.create(cluster_training(NAME, compute=compute))
    seen(watched, lambda one: condition(one, "Running").get("reason") == "Unschedulable", "diagnosis")
    watched.patch("atlastraining", NAME, {"spec": {"limits": {"queueSeconds": 3}}})
    training = phase_is(watched, "Failed")
    assert training["status"]["run"]["reason"] == "QueueTimeout"
    assert "limits.queueSeconds (3 s)" in training["status"]["message"]
    assert "node" in training["status"]["message"]


def test_a_run_whose_image_cannot_be_pulled_in_time_fails_with_the_reason(watched: Kubectl) -> None:
    compute = {"image": "example.test/trainer:1", "schedulerName": "by-hand"}
    watched.create(cluster_training(NAME, compute=compute, limits={"startSeconds": 3}))
    pod = f"{job_name(NAME, 1, 1)}-master-0"
    watched.wait_for("pod", pod, lambda one: one is not None)
    waiting = {"test.atlas/waiting-reason": "ImagePullBackOff", "test.atlas/waiting-message": "manifest unknown"}
    watched.annotate("pod", pod, waiting)
    target = {"apiVersion": "v1", "kind": "Node", "name": "simulated-1"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
    watched.run("create", "-f", "-", text=json.dumps(binding))
    training = phase_is(watched, "Failed")
    assert training["status"]["run"]["reason"] == "StartTimeout"
    assert "example.test/trainer:1" in training["status"]["message"]


def test_a_run_without_a_sign_of_life_is_stopped_and_tried_again(watched: Kubectl) -> None:
    start(watched, limits={"stallSeconds": 3})
    training = attempt_is(watched, 1, 2)
    assert training["status"]["run"]["reason"] == "Stalled"


def test_a_run_that_takes_too_long_fails(watched: Kubectl) -> None:
    start(watched)
    watched.patch("atlastraining", NAME, {"spec": {"limits": {"runSeconds": 3}}})
    training = phase_is(watched, "Failed")
    assert condition(training, "Stalled")["reason"] == "RunTimeout"


def test_a_quota_that_refuses_the_pods_is_named(watched: Kubectl) -> None:
    quota = {"hard": {"pods": "0"}}
    watched.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": quota})
    watched.wait_for("resourcequota", "team", lambda one: bool(one and one.get("status", {}).get("hard")))
    watched.create(cluster_training(NAME))
    reason = "QuotaExceeded"
    training = seen(watched, lambda one: condition(one, "Running").get("reason") == reason, reason)
    assert "ResourceQuota team" in condition(training, "Running")["message"]
    watched.delete("resourcequota", "team")
    phase_is(watched, "Running")


def test_a_webhook_that_is_away_is_named_and_the_run_starts_once_it_is_back(watched: Kubectl) -> None:
    configuration = away(watched.namespace)
    watched.create(configuration)
    try:
        watched.create(cluster_training(NAME))
        training = seen(watched, lambda one: condition(one, "Accepted").get("status") == "False", "the hindrance")
        assert condition(training, "Ready")["reason"] == "WebhookUnavailable"
        assert "away.example.test" in condition(training, "Ready")["message"]
        assert watched.items("pytorchjobs") == []
    finally:
        watched.delete("validatingwebhookconfiguration", configuration["metadata"]["name"])
    edit(watched, historyLimit=3)
    phase_is(watched, "Running")


def away(namespace: str) -> Document:
    """A webhook that must be asked before a PyTorchJob is made in the namespace, and that nobody serves."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"away-{namespace}"},
        "webhooks": [
            {
                "name": "away.example.test",
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "clientConfig": {"url": "https://127.0.0.1:9/"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [
                    {
                        "apiGroups": ["kubeflow.org"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE"],
                        "resources": ["pytorchjobs"],
                    }
                ],
            }
        ],
    }
