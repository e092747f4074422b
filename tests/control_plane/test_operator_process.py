"""The operator's process on a real API server: which changes reach it, its probes, its end, and who works of two."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cluster.fixtures import ControlPlane
from cluster.kubectl import Document, Kubectl
from cluster.processes import wait_until
from support.kubernetes.operator_process import ROOT, begun_operator, kubeconfig_of
from support.training.cluster_trainings import cluster_training

pytestmark = pytest.mark.cluster

NAME = "refunds"


def has_phase(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase"))


def test_a_training_is_noticed_and_nothing_of_the_framework_is_left_on_it(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
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
    with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace):
        kubectl.create(cluster_training(NAME))
        kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and one["status"].get("phase") == "Running")
        kubectl.run("delete", "pytorchjobs", "--all", "--wait=false")
        kubectl.wait_for("atlastraining", NAME, lambda one: one is not None and one["status"]["phase"] != "Running")


def test_sigterm_ends_the_operator_well_within_ten_seconds(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("readiness", operator.is_ready, seconds=30)
        operator.process.send_signal(signal.SIGTERM)
        assert operator.process.wait(30) == 0
        assert operator.says("has ended")


def test_in_one_namespace_the_rights_of_a_role_suffice(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.run("apply", "-f", ROOT / "operator/rbac-namespaced.yaml")
    kubeconfig = kubeconfig_of(kubectl, "atlas-operator", tmp_path)
    lease = f"{kubectl.namespace}/atlas-operator"
    with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace, "--lease", lease) as operator:
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
        with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace):
            kubectl.create(cluster_training(NAME))
            kubectl.wait_for("atlastraining", NAME, has_phase, seconds=30)
            assert not has_phase(elsewhere.get("atlastraining", "bystander"))
    finally:
        elsewhere.delete("atlastraining", "bystander")


def test_a_missing_right_is_said_by_the_readiness_probe(
    rights: Path, control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubeconfig = kubeconfig_of(kubectl, "default", tmp_path)
    with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
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
        begun_operator(rights, tmp_path / "first.log", *options) as first,
        begun_operator(rights, tmp_path / "second.log", *options) as second,
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
    with begun_operator(rights, tmp_path / "first.log", *options) as first:
        wait_until("a leader", lambda: first.says("works now"), seconds=30)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(30) == 0
    assert not kubectl.within("atlas-system").get("lease", "handover")["spec"].get("holderIdentity")
