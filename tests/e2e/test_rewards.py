"""RewardServices on a real node: judges in pods, a training that waits for them, roll-outs that lose no request."""

import json
from collections.abc import Callable, Set

import pytest
from cluster.kubectl import Document, Kubectl
from cluster.programs.processes import wait_until
from cluster.real_node.images import TRAINER
from cluster.real_node.mounts import Mount
from support.judges.judge_pods import start_judge
from support.kubernetes.leftovers import assert_nothing_is_left
from support.kubernetes.node_pods import NodeCluster, Workspace
from support.rewardservice.reward_services import reward_service
from support.rewardservice.steady_callers import Callers, steady_callers
from support.trainer.order_desk import BUCKET, OrderDesk
from support.trainer.report_page import drawn
from support.training.cluster_trainings import condition

from atlas_api.pods.contract import rewards_name
from atlas_operator.cluster.labels import REWARDS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

NAME = "judges"
TRAINING = "judged-desk"
KEY, TOKEN = "the-judges-key", "the-callers-token"
TOKEN_FROM = {"secretKeyRef": {"name": "callers", "key": "token"}}


def judged_by_pods(kubectl: Kubectl, mounts: list[Mount], latency: float, **spec: object) -> Document:
    """A RewardService whose judges and secrets are there; it itself is not applied yet."""
    for name, content in (("judge-keys", {"small": KEY}), ("callers", {"token": TOKEN})):
        kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content})
    key = {"secretKeyRef": {"name": "judge-keys", "key": "small"}}
    small = {"model": "scripted", "baseUrl": start_judge(kubectl, mounts, KEY, latency), "apiKeyFrom": key}
    pods = {"image": TRAINER, "volumes": mounts, "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}}
    return reward_service(NAME, models={"small": small}, tokenFrom=TOKEN_FROM, **pods, **spec)


def seen(kubectl: Kubectl, kind: str, name: str, holds: Callable[[Document], bool], what: str) -> Document:
    found = kubectl.wait_for(kind, name, lambda one: one is not None and holds(one), what, seconds=300)
    assert found is not None
    return found


def is_ready(service: Document) -> bool:
    ready = condition(service, "Ready")
    return ready.get("status") == "True" and ready["observedGeneration"] == service["metadata"]["generation"]


def judges_answered(service: Document) -> bool:
    """Whether every judge has answered questions, not only the probe."""
    return is_ready(service) and all("p99Ms" in judge for judge in service["status"]["judges"])


def training_succeeded(training: Document) -> bool:
    assert training.get("status", {}).get("phase") not in ("Failed", "Invalid"), training["status"]
    return bool(training.get("status", {}).get("phase") == "Succeeded")


def stored(desk: OrderDesk, file: str) -> str:
    """A file of the run in the object store."""
    client = desk.store.client()
    listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
    (key,) = [one["Key"] for one in listed if one["Key"].endswith(f"/{TRAINING}/run-0001/{file}")]
    return client.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()


def test_a_training_waits_for_judges_in_pods_and_trains_against_them(desk: OrderDesk) -> None:
    kubectl = desk.kubectl
    volumes = desk.manifest["spec"]["compute"]["volumes"]
    service = judged_by_pods(kubectl, volumes, latency=0.02)
    reward = {"serviceRef": {"name": NAME, "tokenFrom": TOKEN_FROM}}
    manifest = desk.changed(reward=reward, optimization={"maxSteps": 2})
    kubectl.apply({**manifest, "metadata": {"name": TRAINING}})
    waiting = seen(
        kubectl, "atl", TRAINING, lambda one: condition(one, "Running").get("reason") == "Waiting", "the wait"
    )
    assert "RewardService judges, which does not exist" in condition(waiting, "Running")["message"]
    assert kubectl.run("get", "atl", TRAINING, "--no-headers").split()[1] == "Pending"
    assert kubectl.items("pytorchjobs") == []

    kubectl.apply(service)
    status = seen(kubectl, "rws", NAME, is_ready, "readiness")["status"]
    assert (status["url"], status["readyReplicas"]) == (f"http://judges-rewards.{kubectl.namespace}.svc:8080", 1)
    assert [judge["name"] for judge in status["judges"]] == ["accuracy", "helpfulness"]

    trained = seen(kubectl, "atl", TRAINING, training_succeeded, "the run")["status"]
    assert trained["run"]["rewardRevision"] == status["revision"]
    assert "reward" in trained["metrics"]
    steps = [line for line in map(json.loads, stored(desk, "metrics.jsonl").splitlines()) if line["kind"] == "train"]
    assert [{"rewards/accuracy", "rewards/helpfulness"} <= set(step) for step in steps] == [True, True]
    series = drawn(stored(desk, "report.html"), "Reward")
    assert series["accuracy"] > 0
    assert series["helpfulness"] > 0
    judges = seen(kubectl, "rws", NAME, judges_answered, "the judges' figures")["status"]["judges"]
    assert [(judge["state"], judge["errorRate"]) for judge in judges] == [("Answering", 0)] * 2
    assert all(20 <= judge["p50Ms"] <= judge["p99Ms"] for judge in judges)

    for kind, name in (("atlastraining", TRAINING), ("rewardservice", NAME)):
        kubectl.delete(kind, name)
    assert_nothing_is_left(kubectl, "atlas.arc.computer/training")
    assert_nothing_is_left(kubectl, REWARDS)


class RollOuts:
    """A RewardService that changes under load, step by step."""

    def __init__(self, kubectl: Kubectl, callers: Callers) -> None:
        self.kubectl = kubectl
        self.callers = callers
        self.revision: str = seen(kubectl, "rws", NAME, is_ready, "readiness")["status"]["revision"]

    def pods(self) -> set[str]:
        """All of them, also those that go, by uid."""
        return {pod["metadata"]["uid"] for pod in self.kubectl.items("pods", REWARDS)}

    def change(self, **spec: object) -> None:
        """As a user does."""
        self.kubectl.patch("rewardservice", NAME, {"spec": spec})

    def settle(self, replicas: int, gone: Set[str] = frozenset()) -> set[str]:
        """Wait until the service is ready, has so many pods and none of those *gone*. Revisions seen meanwhile."""
        begun = len(self.callers.answers)
        self.revision = seen(self.kubectl, "rws", NAME, is_ready, "the roll-out")["status"]["revision"]
        wait_until(
            "the other pods are gone", lambda: len(now := self.pods()) == replicas and now.isdisjoint(gone), seconds=60
        )
        assert self.callers.lost == []
        ended = len(self.callers.answers)
        wait_until("more answers", lambda: len(self.callers.answers) >= ended + 40)
        assert self.callers.revisions(ended) == {self.revision}
        return self.callers.revisions(begun)


def test_roll_outs_by_revision_and_scaling_lose_no_request(served_node: NodeCluster, workspace: Workspace) -> None:
    kubectl = workspace.kubectl
    options = {"replicas": 2, "temperatures": [0.2], "retries": {"attempts": 1}}
    kubectl.apply(judged_by_pods(kubectl, workspace.mounts, latency=0.3, **options))
    seen(kubectl, "rws", NAME, is_ready, "readiness")
    address = kubectl.get("service", rewards_name(NAME))["spec"][
        "clusterIP"
    ]  # what kube-proxy serves; names are the pods' business
    with steady_callers(f"http://{address}:8080", TOKEN, each=4) as callers:
        service = RollOuts(kubectl, callers)
        first = service.revision
        old = service.pods()
        service.change(judges=[{"name": "accuracy", "rubric": "accuracy"}, {"name": "tone", "instructions": "Polite?"}])
        assert service.settle(2, gone=old) == {first, service.revision}
        second = service.revision
        assert second != first

        old = service.pods()
        service.change(resources={"requests": {"cpu": "60m", "memory": "64Mi"}})
        assert service.settle(2, gone=old) == {second}

        for replicas in (3, 2):
            service.change(replicas=replicas)
            assert service.settle(replicas) == {second}

        old = service.pods()
        service.change(judges=[{"name": "accuracy", "rubric": "accuracy", "weight": 3}])
        wait_until("a pod of an edit that is edited again", lambda: len(service.pods()) > 2)
        service.change(judges=[{"name": "accuracy", "rubric": "accuracy", "mode": "group"}])
        assert {second, service.revision} <= service.settle(2, gone=old)
    assert {answer.caller for answer in callers.answers} == {"keeping", "connecting", "patient"}
    assert callers.lost == []
    print(f"{len(callers.answers)} requests were answered")
    kubectl.delete("rewardservice", NAME)
    assert_nothing_is_left(kubectl, REWARDS)
