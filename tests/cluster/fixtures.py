"""pytest's fixtures of a control plane: one for all workers of pytest-xdist, and a fresh namespace for each test.

Imported by the conftest of a test folder. Tests that use them carry the marker `cluster`.
With ATLAS_TEST_CLUSTER=existing they use the cluster of $KUBECONFIG, which must have the training-operator.
"""

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster import cluster, existing
from cluster.existing import FOR_TESTS
from cluster.kubectl import Kubectl
from cluster.programs import binaries
from cluster.programs.processes import wait_until
from cluster.sharing import shared

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class ControlPlane:
    """A cluster with the real training-operator whose pods kwok plays (see kwok.py)."""

    kubeconfig: Path
    """The administrator's."""

    @property
    def kubectl(self) -> Kubectl:
        """In the namespace `default`."""
        return Kubectl(self.kubeconfig)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of all workers of this test run."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def control_plane(run_folder: Path) -> Iterator[ControlPlane]:
    """A control plane that lives as long as the tests, or the user's cluster."""
    existing_one = os.environ.get("ATLAS_TEST_CLUSTER") == "existing"
    with shared(run_folder, existing.borrowed if existing_one else _brought_up) as kubeconfig:
        yield ControlPlane(kubeconfig)


@contextmanager
def _brought_up() -> Iterator[Path]:
    binaries.require(cluster.SIMULATED)
    here = cluster.up(f"tests-{os.getpid()}", dies_with_parent=True)
    yield here.kubeconfig
    cluster.down(here)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """The name of a fresh namespace in which pods can be made. It stays: to remove one costs more than most tests."""
    (name,) = make_namespaces(control_plane.kubectl, 1)
    return name


def make_namespaces(kubectl: Kubectl, count: int) -> list[str]:
    """The names of fresh namespaces in which pods can be made."""
    names = [f"test-{os.getpid()}-{next(_NUMBERS)}" for _ in range(count)]
    metadata = [{"name": name, "labels": {FOR_TESTS: "true"}} for name in names]
    documents = [{"apiVersion": "v1", "kind": "Namespace", "metadata": each} for each in metadata]
    kubectl.run("create", "-f", "-", text="\n".join(map(json.dumps, documents)))
    wait_until("namespaces in which pods can be made", lambda: _with_account(kubectl) >= set(names))
    return names


def _with_account(kubectl: Kubectl) -> set[str]:
    """Namespaces that have their default ServiceAccount: before, no pod can be made."""
    defaults = ("--all-namespaces", "--field-selector=metadata.name=default")
    listed = kubectl.run("get", "serviceaccounts", *defaults, "-o", "jsonpath={.items[*].metadata.namespace}")
    return set(listed.split())


@pytest.fixture
def kubectl(control_plane: ControlPlane, namespace: str) -> Kubectl:
    """kubectl in the test's namespace."""
    return control_plane.kubectl.within(namespace)
