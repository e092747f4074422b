"""The operator's process on a real API server: which changes reach it, its probes, its end, and who works of two."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Document, Kubectl
from cluster.processes import wait_until
from support.cluster_trainings import cluster_training
from support.operator_process import ROOT, install, kubeconfig_of_the_operator

pytestmark = pytest.mark.cluster

NAME = "refunds"


@dataclass(frozen=True)
class Running:
    """An operator's process and what it logged so far."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def says(self, text: str) -> bool:
        return any(text in line["message"] for line in self.lines())

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of its health port."""
        port = next(line["message"].rsplit(" ", 1)[1] for line in self.lines() if "on port" in line["message"])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode().strip()

    def is_ready(self) -> bool:
        return self.get("/readyz") == (200, "ok")


@contextmanager
def running(kubeconfig: Path, log: Path, *arguments: str) -> Iterator[Running]:
    """An operator that has begun; killed at the end if the test left it alive."""
    command = [sys.executable, "-m", "atlas_operator", "--health-port=0", *arguments]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    operator = Running(process, log)
    try:
        wait_until("operator", lambda: operator.says("on port"), seconds=30)
        yield operator
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def rights(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator in the whole cluster."""
    install(control_plane.kubectl)
    return kubeconfig_of_the_operator(control_plane.kubectl, tmp_path_factory.mktemp("operator"))


def kubeconfig_of(kubectl: Kubectl, account: str, folder: Path) -> Path:
    """A kubeconfig of a ServiceAccount in kubectl's namespace."""
    document = json.loads(kubectl.run("config", "view", "--raw", "-o", "json"))
    document["users"][0]["user"] = {"token": kubectl.run("create", "token", account).strip()}
    path = folder / f"{account}.kubeconfig"
    path.write_text(json.dumps(document))
    return path


def has_phase(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase"))


def test_a_training_is_noticed_and_nothing_of_the_framework_is_left_on_it(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    with running(rights, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("readiness", operator.is_ready, seconds=30)
        kubectl.create(cluster_training(NAME))
        training = kubectl.wait_for("atlastraining", NAME, has_phase, seconds=30)
        assert training is not None
        assert "finalizers" not in training["metadata"]
        assert "annotations" not in training["metadata"]
        assert 'atlas_trainings{phase="' in operator.get("/metrics")[1]
        assert operator.get("/healthz") == (200, "ok")


def test_what_happens_to_a_job_reaches_the_training_it_belongs_to(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    with running(rights, tmp_path / "log", "--namespace", kubectl.namespace):
        kubectl.create(cluster_training(NAME))
        kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and one["status"].get("phase") == "Running")
        kubectl.run("delete", "pytorchjobs", "--all", "--wait=false")
        kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and one["status"]["phase"] != "Running")


def test_sigterm_ends_the_operator_well_within_ten_seconds(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    with running(rights, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("readiness", operator.is_ready, seconds=30)
        operator.process.send_signal(signal.SIGTERM)
        assert operator.process.wait(10) == 0
        assert operator.says("has ended")


def test_in_one_namespace_the_rights_of_a_role_suffice(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.run("apply", "-f", ROOT / "operator/rbac-namespaced.yaml")
    kubeconfig = kubeconfig_of(kubectl, "atlas-operator", tmp_path)
    lease = f"{kubectl.namespace}/atlas-operator"
    with running(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace, "--lease", lease) as operator:
        wait_until("readiness", operator.is_ready, seconds=30)
        kubectl.create(cluster_training(NAME))
        kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and one["status"].get("phase") == "Running")
        assert not [line for line in operator.lines() if line["level"] in ("error", "critical")]


def test_other_namespaces_are_left_alone(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    elsewhere = control_plane.kubectl
    elsewhere.create(cluster_training("bystander"))
    try:
        with running(rights, tmp_path / "log", "--namespace", kubectl.namespace):
            kubectl.create(cluster_training(NAME))
            kubectl.wait_for("atlastraining", NAME, has_phase, seconds=30)
            assert not has_phase(elsewhere.get("atlastraining", "bystander"))
    finally:
        elsewhere.delete("atlastraining", "bystander")


def test_a_missing_right_is_said_by_the_readiness_probe(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubeconfig = kubeconfig_of(kubectl, "default", tmp_path)
    with running(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("a refusal", lambda: "403 Forbidden" in operator.get("/readyz")[1], seconds=30)
        assert operator.get("/readyz")[0] == 503
        assert operator.get("/healthz")[0] == 200


def test_without_a_cluster_the_operator_says_what_to_set(tmp_path: Path) -> None:
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "absent")}
    done = subprocess.run([sys.executable, "-m", "atlas_operator"], env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert "set KUBECONFIG, or run in a pod" in json.loads(done.stderr.splitlines()[-1])["message"]


def test_of_two_replicas_one_works_and_the_other_takes_over_when_it_dies(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    options = ("--namespace", kubectl.namespace, "--lease", "atlas-system/takeover")
    kubectl.within("atlas-system").run("delete", "lease", "takeover", "--ignore-not-found")
    with (
        running(rights, tmp_path / "first.log", *options) as first,
        running(rights, tmp_path / "second.log", *options) as second,
    ):
        both = (first, second)
        wait_until("a leader", lambda: any(one.says("works now") for one in both), seconds=30)
        leader, follower = sorted(both, key=lambda one: not one.says("works now"))
        wait_until("a ready follower", follower.is_ready, seconds=30)
        kubectl.create(cluster_training(NAME))
        kubectl.wait_for("atlastraining", NAME, has_phase, seconds=30)
        assert not follower.says("works now")
        leader.process.kill()
        kubectl.create(cluster_training("later"))
        kubectl.wait_for("atlastraining", "later", has_phase, seconds=40)
        assert follower.says("works now")


def test_a_replica_that_ends_hands_the_lease_over(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    options = ("--namespace", kubectl.namespace, "--lease", "atlas-system/handover")
    kubectl.within("atlas-system").run("delete", "lease", "handover", "--ignore-not-found")
    with running(rights, tmp_path / "first.log", *options) as first:
        wait_until("a leader", lambda: first.says("works now"), seconds=30)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(10) == 0
    assert not kubectl.within("atlas-system").get("lease", "handover")["spec"].get("holderIdentity")
