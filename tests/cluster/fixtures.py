"""pytest's fixtures of a control plane: one a session, and a fresh namespace for each test.

Imported by the conftest of a test folder. Tests that use them carry the marker `cluster`.
With ATLAS_TEST_CLUSTER=existing they use the cluster of $KUBECONFIG, which must have the training-operator.
"""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster import binaries, cluster, existing
from cluster.kubectl import Kubectl

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
def control_plane() -> Iterator[ControlPlane]:
    """A control plane that lives as long as the tests, or the user's cluster."""
    if os.environ.get("ATLAS_TEST_CLUSTER") == "existing":
        with existing.borrowed() as kubeconfig:
            yield ControlPlane(kubeconfig)
    else:
        binaries.require(cluster.SIMULATED)
        here = cluster.up(f"tests-{os.getpid()}", dies_with_parent=True)
        yield ControlPlane(here.kubeconfig)
        cluster.down(here)


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a fresh namespace in which pods can be made; removed after the test, without waiting for its end."""
    name = f"test-{os.getpid()}-{next(_NUMBERS)}"
    kubectl = control_plane.kubectl
    kubectl.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    kubectl.within(name).wait_for("serviceaccount", "default", lambda account: account is not None)
    yield name
    kubectl.delete("namespace", name, "--wait=false")


@pytest.fixture
def kubectl(control_plane: ControlPlane, namespace: str) -> Kubectl:
    """kubectl in the test's namespace."""
    return control_plane.kubectl.within(namespace)
