"""What the operator asks of a real API server and what it writes there, with the rights of its own manifest."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cluster.kubectl import Document, Kubectl
from cluster.programs.processes import wait_until
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import load_kube_config
from support.kubernetes.operator_process import kubeconfig_of
from support.kubernetes.pytorch_jobs import pytorch_job
from support.training.cluster_trainings import cluster_training

from atlas_api.names import short_name
from atlas_operator.cluster import labels
from atlas_operator.cluster.client import ClusterClient, Stale
from atlas_operator.cluster.document import Key
from atlas_operator.cluster.ownership import NameTaken, Terminating
from atlas_operator.cluster.rest.api import Api, ApiError, Forbidden
from atlas_operator.training.observe import observe

pytestmark = pytest.mark.cluster

NAME = "refunds"
T = TypeVar("T")
Act = Callable[[ClusterClient], Awaitable[T]]
Ask = Callable[[Act[Any]], Any]


def ask_as(kubeconfig: Path, act: Act[T]) -> T:
    """What *act* returns on the cluster, with the rights of the kubeconfig."""

    async def story() -> T:
        configuration = Configuration()
        await load_kube_config(config_file=str(kubeconfig), client_configuration=configuration)
        api = Api(configuration)
        try:
            return await act(ClusterClient(api))
        finally:
            await api.close()

    return asyncio.run(story())


@pytest.fixture
def ask(rights: Path) -> Ask:
    """`ask_as` the operator."""
    return lambda act: ask_as(rights, act)


@pytest.fixture
def training(ask: Ask, kubectl: Kubectl) -> Document:
    """A training that exists; no operator runs."""
    return kubectl.create(cluster_training(NAME))


def owner_of(training: Document) -> Document:
    return {
        "apiVersion": training["apiVersion"],
        "kind": "AtlasTraining",
        "name": training["metadata"]["name"],
        "uid": training["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }


def child(training: Document, name: str, **metadata: Any) -> Document:
    """A ConfigMap that belongs to the training."""
    own = {
        "name": name,
        "namespace": training["metadata"]["namespace"],
        "labels": {labels.TRAINING: short_name(NAME)},
        "ownerReferences": [owner_of(training)],
    }
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": own | metadata}


def key_of(training: Document) -> Key:
    return Key(training["metadata"]["namespace"], training["metadata"]["name"])


def status(phase: str, **fields: Any) -> Document:
    return {"phase": phase, "observedGeneration": 1, **fields}


def test_a_look_finds_the_training_and_what_carries_its_label(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    ask(lambda cluster: cluster.create(child(training, "mine")))
    kubectl.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "unrelated"}})
    job = pytorch_job("job", run_seconds="60")
    template = job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]
    for metadata in (job["metadata"], template.setdefault("metadata", {})):
        metadata.setdefault("labels", {})[labels.TRAINING] = NAME
    kubectl.create(job)
    kubectl.wait_for("pod", "job-worker-0", lambda pod: pod is not None)
    observed = ask(lambda cluster: observe(cluster, key_of(training)))
    assert observed.training["metadata"]["uid"] == training["metadata"]["uid"]
    assert [(one["apiVersion"], one["kind"], one["metadata"]["name"]) for one in observed.jobs] == [
        ("kubeflow.org/v1", "PyTorchJob", "job")
    ]
    assert [(one["kind"], one["metadata"]["name"]) for one in observed.pods] == [("Pod", "job-worker-0")]
    assert [(one["kind"], one["metadata"]["name"]) for one in observed.config_maps] == [("ConfigMap", "mine")]
    assert observed.backend_served


def test_a_training_that_does_not_exist_is_not_observed(ask: Ask, namespace: str) -> None:
    assert ask(lambda cluster: observe(cluster, Key(namespace, "nobody"))) is None


def test_more_children_than_a_page_holds_are_all_seen(ask: Ask, training: Document) -> None:
    async def story(cluster: ClusterClient) -> int:
        await asyncio.gather(*(cluster.create(child(training, f"one-{number}")) for number in range(501)))
        observed = await observe(cluster, key_of(training))
        assert observed is not None
        return len({one["metadata"]["name"] for one in observed.config_maps})

    assert ask(story) == 501


def test_while_no_job_runs_its_events_are_read_oldest_first(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    job = pytorch_job("waits", run_seconds="60")
    job["metadata"] |= {"labels": {labels.TRAINING: NAME}, "ownerReferences": [owner_of(training)]}
    job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
    kubectl.create(job)
    kubectl.wait_for("pod", "waits-worker-0", lambda pod: pod is not None)
    events: list[Document] = []

    def two_or_more() -> bool:
        events[:] = ask(lambda cluster: observe(cluster, key_of(training))).events
        return len(events) > 1

    wait_until("events about the job and its pod", two_or_more)
    times = [event.get("lastTimestamp") or event["metadata"]["creationTimestamp"] for event in events]
    assert "SuccessfulCreatePod" in [event["reason"] for event in events]
    assert times == sorted(times)


def test_making_a_child_twice_is_harmless(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    ask(lambda cluster: cluster.create(child(training, "once")))
    before = kubectl.get("configmap", "once")
    ask(lambda cluster: cluster.create(child(training, "once")))
    assert kubectl.get("configmap", "once") == before


def test_a_name_that_belongs_to_something_else_is_not_taken_over(
    ask: Ask, kubectl: Kubectl, training: Document
) -> None:
    kubectl.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taken"}, "data": {"a": "b"}})
    with pytest.raises(NameTaken, match=r"ConfigMap taken exists .*; rename or delete it, or give the AtlasTraining"):
        ask(lambda cluster: cluster.create(child(training, "taken")))
    assert kubectl.get("configmap", "taken")["data"] == {"a": "b"}


def test_a_child_that_is_being_deleted_is_waited_for(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    ask(lambda cluster: cluster.create(child(training, "leaving", finalizers=["example.org/wait"])))
    kubectl.delete("configmap", "leaving", "--wait=false")
    with pytest.raises(Terminating):
        ask(lambda cluster: cluster.create(child(training, "leaving")))
    kubectl.patch("configmap", "leaving", {"metadata": {"finalizers": None}})
    ask(lambda cluster: cluster.create(child(training, "leaving")))


def test_a_quota_is_not_reported_as_a_missing_right(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    hard = {"count/configmaps": "1"}
    kubectl.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})
    kubectl.wait_for("resourcequota", "q", lambda quota: bool(quota and quota["status"].get("used")))
    with pytest.raises(ApiError, match="exceeded quota") as refusal:
        ask(lambda cluster: cluster.create(child(training, "more")))
    assert not isinstance(refusal.value, Forbidden)


def test_a_status_is_written_once(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    after = ask(lambda cluster: cluster.apply_status(training, status("Pending")))
    assert after["status"] == status("Pending")
    again = ask(lambda cluster: cluster.apply_status(after, status("Pending")))
    assert again is after
    assert kubectl.get("atlastraining", NAME)["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]


def test_what_a_later_status_leaves_out_is_gone(ask: Ask, training: Document) -> None:
    first = ask(lambda cluster: cluster.apply_status(training, status("Invalid", message="no such model")))
    second = ask(lambda cluster: cluster.apply_status(first, status("Running")))
    assert second["status"] == status("Running")


def test_the_spec_and_the_metadata_of_a_training_are_never_changed(ask: Ask, training: Document) -> None:
    after = ask(lambda cluster: cluster.apply_status(training, status("Pending")))
    kept = ("uid", "generation", "labels", "annotations", "finalizers")
    assert after["spec"] == training["spec"]
    assert [after["metadata"].get(name) for name in kept] == [training["metadata"].get(name) for name in kept]


def test_a_status_never_reaches_a_training_made_anew(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    kubectl.delete("atlastraining", NAME)
    with pytest.raises(Stale):
        ask(lambda cluster: cluster.apply_status(training, status("Running")))
    assert kubectl.find("atlastraining", NAME) is None
    kubectl.create(cluster_training(NAME))
    with pytest.raises(Stale):
        ask(lambda cluster: cluster.apply_status(training, status("Running")))
    assert "phase" not in kubectl.get("atlastraining", NAME)["status"]


def test_a_status_is_not_written_over_a_change_that_was_not_seen(
    ask: Ask, kubectl: Kubectl, training: Document
) -> None:
    kubectl.annotate("atlastraining", NAME, {"example.org/changed": "yes"})
    with pytest.raises(Stale):
        ask(lambda cluster: cluster.apply_status(training, status("Running")))
    fresh = ask(lambda cluster: cluster.get(key_of(training)))
    ask(lambda cluster: cluster.apply_status(fresh, status("Running")))


def test_deleting_what_is_gone_is_fine(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    ask(lambda cluster: cluster.create(child(training, "old")))
    old = kubectl.get("configmap", "old")
    ask(lambda cluster: cluster.delete(old))
    assert kubectl.find("configmap", "old") is None
    ask(lambda cluster: cluster.delete(old))


def test_an_object_made_anew_is_not_deleted_for_the_old_one(ask: Ask, kubectl: Kubectl, training: Document) -> None:
    ask(lambda cluster: cluster.create(child(training, "old")))
    old = kubectl.get("configmap", "old")
    kubectl.delete("configmap", "old")
    ask(lambda cluster: cluster.create(child(training, "old")))
    ask(lambda cluster: cluster.delete(old))
    assert kubectl.find("configmap", "old") is not None


def test_events_about_a_training_are_counted_and_shown_by_kubectl(
    ask: Ask, kubectl: Kubectl, training: Document
) -> None:
    async def story(cluster: ClusterClient) -> None:
        for message in ("no GPU", "no GPU", "no memory", "no GPU"):
            await cluster.post_event(training, "Warning", "Unschedulable", message)

    ask(story)
    counts = {event["message"]: event["count"] for event in kubectl.items("events")}
    assert counts == {"no GPU": 3, "no memory": 1}
    assert "Unschedulable" in kubectl.run("describe", "atlastraining", NAME)


def test_a_missing_right_is_named(kubectl: Kubectl, tmp_path: Path, ask: Ask) -> None:
    kubeconfig = kubeconfig_of(kubectl, "default", tmp_path)
    key = Key(kubectl.namespace, NAME)
    expected = f"may not get atlastrainings.atlas.arc.computer in namespace {kubectl.namespace}; add this right"
    with pytest.raises(Forbidden, match=expected):
        ask_as(kubeconfig, lambda cluster: cluster.get(key))


def test_the_operator_may_make_secrets_and_read_change_or_delete_none(ask: Ask, kubectl: Kubectl) -> None:
    operator = "system:serviceaccount:atlas-system:atlas-operator"
    rights = kubectl.run("auth", "can-i", "--list", "--as", operator)
    assert [line.split()[-1] for line in rights.splitlines() if line.startswith("secrets")] == ["[create]"]
    assert "*" not in rights.replace("[/*]", "").replace("/*", "")
