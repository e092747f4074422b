"""Pods with a user's own account, labels, spread and sandbox, on a real API server with real controllers."""

import time

import pytest
from cluster.kubectl import Kubectl
from support.kubernetes.account_rights import may
from support.rewardservice.reward_service_story import is_ready, resource_versions
from support.rewardservice.reward_service_story import pods as pods_of_service
from support.rewardservice.reward_service_story import seen as seen_service
from support.rewardservice.reward_services import reward_service
from support.training.cluster_trainings import IMAGE, cluster_training, condition
from support.training.training_story import NAME, attempt_is, edit, phase_is, seen, start, succeed

from atlas_operator.objects.names import progress_name

pytestmark = pytest.mark.cluster

REPORT = f"configmaps/{progress_name(NAME, 1)}"
SPREAD = [{"topologyKey": "kubernetes.io/hostname"}, {"topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]


def account(kubectl: Kubectl, name: str) -> None:
    kubectl.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})


def sandbox(kubectl: Kubectl, name: str) -> None:
    kubectl.apply({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": name}, "handler": "x"})


def test_pods_have_the_users_account_labels_spread_and_sandbox_and_report(watched: Kubectl) -> None:
    account(watched, "trainer")
    sandbox(watched, "test-sandbox")
    labels, annotations = {"azure.workload.identity/use": "true"}, {"gke-gcsfuse/volumes": "true"}
    start(
        watched,
        compute={
            "image": IMAGE,
            "workers": 2,
            "serviceAccountName": "trainer",
            "labels": labels,
            "annotations": annotations,
            "topologySpreadConstraints": SPREAD,
            "runtimeClassName": "test-sandbox",
            "ephemeralStorage": "1Gi",
        },
    )
    pods = watched.items("pods")
    assert {pod["spec"]["serviceAccountName"] for pod in pods} == {"trainer"}
    assert {pod["spec"]["runtimeClassName"] for pod in pods} == {"test-sandbox"}
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
    assert all(labels.items() <= pod["metadata"]["labels"].items() for pod in pods)
    assert all(annotations.items() <= pod["metadata"]["annotations"].items() for pod in pods)
    assert watched.find("serviceaccount", f"{NAME}-1") is None
    assert may(watched, "trainer", "patch", REPORT)
    assert not may(watched, "trainer", "patch", "configmaps")


def test_an_account_that_is_not_there_is_named_and_the_run_goes_on_once_it_is(watched: Kubectl) -> None:
    watched.create(cluster_training(NAME, compute={"image": IMAGE, "serviceAccountName": "trainer"}))
    waits = seen(watched, lambda one: condition(one, "Running").get("reason") == "ServiceAccountMissing", "the reason")
    assert "need ServiceAccount trainer, which does not exist" in condition(waits, "Running")["message"]
    account(watched, "trainer")
    phase_is(watched, "Running")


def test_a_sandbox_that_is_not_there_is_named(watched: Kubectl) -> None:
    watched.create(cluster_training(NAME, compute={"image": IMAGE, "runtimeClassName": "no-such-sandbox"}))
    waits = seen(watched, lambda one: condition(one, "Running").get("reason") == "RuntimeClassMissing", "the reason")
    assert "need RuntimeClass no-such-sandbox" in condition(waits, "Running")["message"]


def test_another_account_moves_the_run_and_takes_the_right_to_report_along(watched: Kubectl) -> None:
    for name in ("first", "second"):
        account(watched, name)
    start(watched, compute={"image": IMAGE, "serviceAccountName": "first"})
    assert may(watched, "first", "patch", REPORT)
    edit(watched, compute={"serviceAccountName": "second"})
    attempt_is(watched, 1, 2)
    phase_is(watched, "Running")
    assert (may(watched, "first", "patch", REPORT), may(watched, "second", "patch", REPORT)) == (False, True)
    edit(watched, compute={"serviceAccountName": None})
    attempt_is(watched, 1, 3)
    phase_is(watched, "Running")
    assert (may(watched, "second", "patch", REPORT), may(watched, f"{NAME}-1", "patch", REPORT)) == (False, True)


def test_the_users_account_outlives_the_run_and_its_right_does_not(watched: Kubectl) -> None:
    account(watched, "trainer")
    start(watched, compute={"image": IMAGE, "serviceAccountName": "trainer"})
    succeed(watched)
    watched.annotate("atlastraining", NAME, {"atlas.arc.computer/retrain-at": "now"})
    attempt_is(watched, 2, 1)
    watched.wait_for("rolebinding", f"{NAME}-1", lambda one: one is None, "the end of the first run's right")
    assert watched.find("serviceaccount", "trainer") is not None
    watched.delete("atlastraining", NAME)
    assert watched.find("serviceaccount", "trainer") is not None


def test_pods_of_a_service_have_them_too_and_rest(watched: Kubectl) -> None:
    sandbox(watched, "test-sandbox")
    watched.create(
        reward_service(
            replicas=2,
            labels={"team": "a"},
            annotations={"b": "c"},
            topologySpreadConstraints=SPREAD,
            runtimeClassName="test-sandbox",
        )
    )
    seen_service(watched, is_ready, "readiness")
    found = pods_of_service(watched)
    assert {pod["metadata"]["labels"]["team"] for pod in found} == {"a"}
    assert {pod["metadata"]["annotations"]["b"] for pod in found} == {"c"}
    assert {pod["spec"]["runtimeClassName"] for pod in found} == {"test-sandbox"}
    assert len({pod["spec"]["nodeName"] for pod in found}) == 2
    time.sleep(2)
    before = resource_versions(watched)
    time.sleep(2)
    assert resource_versions(watched) == before
    watched.patch("rewardservice", "judges", {"spec": {"labels": None, "runtimeClassName": None}})
    seen_service(watched, is_ready, "readiness")
    assert all("team" not in pod["metadata"]["labels"] for pod in pods_of_service(watched))
