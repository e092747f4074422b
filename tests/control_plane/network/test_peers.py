"""What keeps strangers from pods that train together, on a real API server."""

import base64

import pytest
from cluster.kubectl import Document, Kubectl
from support.kubernetes.leftovers import assert_nothing_is_left
from support.training.training_story import NAME, edit, start

from atlas_operator.cluster.labels import TRAINING
from atlas_operator.objects.names import job_name, join_secret_name, run_name

pytestmark = pytest.mark.cluster

SECRET = join_secret_name(job_name(NAME, 1, 1))


def secret_of(kubectl: Kubectl, name: str = SECRET) -> Document:
    found = kubectl.wait_for("secret", name, lambda one: one is not None, "the Secret")
    assert found is not None
    return found


def value(secret: Document) -> str:
    return base64.b64decode(secret["data"]["secret"]).decode()


def test_workers_get_a_policy_and_a_secret_that_nobody_else_is_told(watched: Kubectl) -> None:
    training = start(watched, compute={"image": "example.test/trainer:1", "workers": 2})
    policy = watched.get("networkpolicy", run_name(NAME, 1))
    pod = watched.get("pod", f"{job_name(NAME, 1, 1)}-worker-1")
    selected = policy["spec"]["podSelector"]["matchLabels"]
    assert selected.items() <= pod["metadata"]["labels"].items()
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {"matchLabels": selected}}]}]
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    assert policy["metadata"]["ownerReferences"][0]["uid"] == training["metadata"]["uid"]

    secret = secret_of(watched)
    job = watched.get("pytorchjob", job_name(NAME, 1, 1))
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
    assert len(value(secret)) >= 43
    assert secret["immutable"] is True
    everything = watched.run("get", "atlastrainings,pytorchjobs,pods,configmaps,events,roles", "-o", "json")
    assert value(secret) not in everything


def test_each_attempt_has_another_secret_and_none_outlives_its_job(watched: Kubectl) -> None:
    start(watched, compute={"image": "example.test/trainer:1", "workers": 2})
    first = value(secret_of(watched))
    edit(watched, optimization={"maxSteps": 200})
    second = value(secret_of(watched, join_secret_name(job_name(NAME, 2, 1))))
    assert first != second
    watched.wait_for("secret", SECRET, lambda one: one is None, "the first Secret is gone")
    watched.wait_for("networkpolicy", run_name(NAME, 1), lambda one: one is None, "the first policy is gone")

    watched.delete("atlastraining", NAME)
    assert_nothing_is_left(watched, f"{TRAINING}={NAME}")


def test_a_secret_that_somebody_deleted_before_the_pods_ran_is_not_needed_again(watched: Kubectl) -> None:
    """Pods that run have read it. The attempt goes on, and the operator asks for nothing."""
    start(watched, compute={"image": "example.test/trainer:1", "workers": 2})
    secret_of(watched)
    watched.delete("secret", SECRET)
    training = edit(watched, historyLimit=3)
    assert training["status"]["phase"] == "Running"
    assert watched.find("secret", SECRET) is None


def test_one_worker_has_neither(watched: Kubectl) -> None:
    start(watched)
    assert watched.find("networkpolicy", run_name(NAME, 1)) is None
    assert watched.find("secret", SECRET) is None
