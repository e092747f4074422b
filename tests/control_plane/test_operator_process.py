"""The operator's process on a real API server: which changes reach it, its probes, its end, and who works of two."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import cluster
from cluster.fixtures import ControlPlane, make_namespaces
from cluster.kubectl import Document, Kubectl
from cluster.programs import binaries
from cluster.programs.processes import wait_until
from support.kubernetes.operator_process import (
    ROOT,
    begun_operator,
    install,
    kubeconfig_of,
    kubeconfig_of_the_operator,
    operator,
)
from support.training.cluster_trainings import cluster_training

pytestmark = pytest.mark.cluster

NAME = "refunds"


def has_phase(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase"))


@pytest.fixture
def own_cluster() -> Iterator[Kubectl]:
    """A cluster beside that of all other tests, whose objects an operator without `--namespace` would take."""
    binaries.require(cluster.SIMULATED)
    here = cluster.up(f"tests-own-{os.getpid()}", dies_with_parent=True)
    yield Kubectl(here.kubeconfig)
    cluster.down(here)


def is_running(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase") == "Running")


def test_a_training_is_noticed_and_nothing_of_the_framework_is_left_on_it(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("readiness", operator.is_ready)
        kubectl.create(cluster_training(NAME))
        training = kubectl.wait_for("atlastraining", NAME, has_phase)
        assert training is not None
        assert "finalizers" not in training["metadata"]
        assert "annotations" not in training["metadata"]
        assert 'atlas_trainings{phase="' in operator.get("/metrics")[1]
        assert operator.get("/healthz") == (200, "ok")


def test_in_one_namespace_the_rights_of_a_role_suffice(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.run("apply", "-f", ROOT / "operator/rbac-namespaced.yaml")
    kubeconfig = kubeconfig_of(kubectl, "atlas-operator", tmp_path)
    lease = f"{kubectl.namespace}/atlas-operator"
    with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace, "--lease", lease) as operator:
        wait_until("readiness", operator.is_ready)
        kubectl.create(cluster_training(NAME))
        kubectl.wait_for("atlastraining", NAME, is_running)
        assert not [line for line in operator.lines() if line["level"] in ("error", "critical")]


def test_without_a_namespace_the_whole_cluster_is_served(own_cluster: Kubectl, tmp_path: Path) -> None:
    install(own_cluster)
    here, there = (own_cluster.within(name) for name in make_namespaces(own_cluster, 2))
    with operator(kubeconfig_of_the_operator(own_cluster, tmp_path), tmp_path / "log"):
        for kubectl in (here, there):
            kubectl.create(cluster_training(NAME))
        for kubectl in (here, there):
            kubectl.wait_for("atlastraining", NAME, is_running)


def test_a_missing_right_is_said_by_the_readiness_probe(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubeconfig = kubeconfig_of(kubectl, "default", tmp_path)
    with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("a refusal", lambda: "403 Forbidden" in operator.get("/readyz")[1])
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
        begun_operator(rights, tmp_path / "first.log", *options) as first,
        begun_operator(rights, tmp_path / "second.log", *options) as second,
    ):
        both = (first, second)
        wait_until("a leader", lambda: any(one.says("works now") for one in both))
        leader, follower = sorted(both, key=lambda one: not one.says("works now"))
        wait_until("a ready follower", follower.is_ready)
        kubectl.create(cluster_training(NAME))
        kubectl.wait_for("atlastraining", NAME, has_phase)
        assert not follower.says("works now")
        leader.process.kill()
        kubectl.create(cluster_training("later"))
        kubectl.wait_for("atlastraining", "later", has_phase)
        assert follower.says("works now")


def test_sigterm_ends_an_operator_well_and_hands_its_lease_over(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    options = ("--namespace", kubectl.namespace, "--lease", "atlas-system/handover")
    kubectl.within("atlas-system").run("delete", "lease", "handover", "--ignore-not-found")
    with begun_operator(rights, tmp_path / "first.log", *options) as first:
        wait_until("a leader", lambda: first.says("works now"))
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(30) == 0
        assert first.says("has ended")
    assert not kubectl.within("atlas-system").get("lease", "handover")["spec"].get("holderIdentity")
