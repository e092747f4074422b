"""CRDs that change under a running operator: deleted and back, newer than the operator, older than it."""

import copy
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import cluster
from cluster.components import training_operator
from cluster.fixtures import make_namespaces
from cluster.kubectl import Document, Kubectl
from cluster.programs import binaries
from cluster.programs.processes import wait_until
from support.kubernetes.operator_process import (
    ROOT,
    OperatorProcess,
    begun_operator,
    install,
    kubeconfig_of_the_operator,
)
from support.training.cluster_trainings import cluster_training

pytestmark = pytest.mark.cluster

DEFINITIONS = {
    "atlastrainings.atlas.arc.computer": ROOT / "crds/atlastrainings.yaml",
    "rewardservices.atlas.arc.computer": ROOT / "crds/rewardservices.yaml",
}
"""Files by name; that of PyTorchJobs is downloaded with the training-operator."""


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Kubectl]:
    """A cluster whose definitions the tests may change."""
    binaries.require(cluster.SIMULATED)
    here = cluster.up(f"tests-definitions-{os.getpid()}", dies_with_parent=True)
    kubectl = Kubectl(here.kubeconfig)
    install(kubectl)
    yield kubectl
    cluster.down(here)


@pytest.fixture
def own(own_cluster: Kubectl) -> Kubectl:
    """kubectl in a namespace of its own there; afterwards the definitions are those of this version."""
    return own_cluster.within(make_namespaces(own_cluster, 1)[0])


@pytest.fixture
def serving(own: Kubectl, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator for that namespace, which must end well."""
    rights = kubeconfig_of_the_operator(own, tmp_path)
    with begun_operator(rights, tmp_path / "log", "--namespace", own.namespace) as operator:
        wait_until("readiness", operator.is_ready)
        yield operator
        operator.process.send_signal(signal.SIGTERM)
        assert operator.process.wait(20) == 0


def apply(kubectl: Kubectl, document: Document | Path) -> None:
    """Put a definition in place, and wait until it is served."""
    content = yaml.safe_load(document.read_text()) if isinstance(document, Path) else document
    name = kubectl.apply(content)["metadata"]["name"]
    kubectl.wait_for("crd", name, is_established)


def is_established(definition: Document | None) -> bool:
    told = (definition or {}).get("status", {}).get("conditions") or []
    return any((each["type"], each["status"]) == ("Established", "True") for each in told)


def trainings_definition() -> Any:
    return yaml.safe_load(DEFINITIONS["atlastrainings.atlas.arc.computer"].read_text())


def properties(definition: Any, part: str) -> Any:
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema["properties"][part]["properties"]


def has_phase(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase"))


def is_running(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase") == "Running")


def condition(training: Document, kind: str) -> Document:
    return next(each for each in training["status"]["conditions"] if each["type"] == kind)


def hears(kubectl: Kubectl, name: str) -> None:
    """A training that is made now is looked at: long before the next resync."""
    kubectl.create(cluster_training(name))
    kubectl.wait_for("atlastraining", name, has_phase)


@pytest.mark.parametrize("name", [*DEFINITIONS, "pytorchjobs.kubeflow.org"])
def test_a_definition_that_is_deleted_and_comes_back_is_served_again(
    name: str, own: Kubectl, serving: OperatorProcess
) -> None:
    own.run("delete", "crd", name)
    apply(own, DEFINITIONS.get(name) or training_operator.definition())
    wait_until("readiness again", serving.is_ready)
    hears(own, "after")
    assert serving.get("/healthz") == (200, "ok")


def test_a_newer_definition_stops_nothing_and_new_runs_wait_for_the_newer_operator(
    own: Kubectl, serving: OperatorProcess
) -> None:
    newer = trainings_definition()
    properties(newer, "spec")["warmUp"] = {"type": "integer", "default": 3}
    properties(newer, "status")["mood"] = {"type": "string"}
    own.create(cluster_training("live"))
    own.wait_for("atlastraining", "live", is_running)
    apply(own, newer)
    try:
        wait_until("the default", lambda: own.get("atlastraining", "live")["spec"].get("warmUp") == 3)
        wait_until("a word", lambda: serving.says("CRD of AtlasTrainings is newer than this operator"))
        own.create(cluster_training("later"))
        later = own.wait_for(
            "atlastraining", "later", lambda it: has_phase(it) and condition(it or {}, "Ready")["status"] == "False"
        )
        assert later is not None
        assert condition(later, "Ready")["reason"] == "OperatorOutdated"
        assert "spec.warmUp" in condition(later, "Ready")["message"]
        assert condition(later, "Stalled")["status"] == "False"
        live = own.get("atlastraining", "live")
        assert (live["status"]["phase"], condition(live, "Ready")["status"]) == ("Running", "True")
        own.patch("atlastraining", "live", {"spec": {"suspend": True}})
        own.wait_for("atlastraining", "live", lambda it: bool(it and it["status"]["phase"] == "Suspended"))
        assert 'side="unknown"} 2.0' in serving.get("/metrics")[1]
    finally:
        apply(own, DEFINITIONS["atlastrainings.atlas.arc.computer"])


def test_an_older_definition_loses_what_it_cannot_hold_and_nothing_else(own: Kubectl, serving: OperatorProcess) -> None:
    older = copy.deepcopy(trainings_definition())
    del properties(older, "status")["lastHandledRetrainAt"]
    del properties(older, "status")["display"]["properties"]["reason"]
    apply(own, older)
    try:
        own.create(cluster_training("refunds"))
        training = own.wait_for("atlastraining", "refunds", is_running)
        assert training is not None
        assert "reason" not in training["status"]["display"]
        wait_until("unreadiness", lambda: serving.get("/readyz")[0] == 503)
        assert "the CRD of AtlasTrainings is older than this operator" in serving.get("/readyz")[1]
        assert not [line for line in serving.lines() if line["level"] in ("error", "critical")]
    finally:
        apply(own, DEFINITIONS["atlastrainings.atlas.arc.computer"])
    wait_until("readiness again", serving.is_ready)
