"""One cluster with a real node for all end-to-end tests, an S3 API and a Postgres that its pods reach."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cluster import cluster, database, mounts, s3
from cluster.kubectl import Kubectl
from cluster.node import NodeImpossible
from cluster.place import Place
from support import machine
from support.pods import Workspace, make_namespace

_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class NodeCluster:
    """A running cluster with a real node; `kubectl` is the administrator's."""

    place: Place
    kubectl: Kubectl


@pytest.fixture(scope="session")
def node_cluster() -> Iterator[NodeCluster]:
    """
    A cluster with a real node, up while the tests run. It must leave the machine as it was.

    Where no node is possible the tests are skipped with the reason; in CI they fail.
    """
    before = machine.traces()
    place = _up()
    try:
        yield NodeCluster(place, Kubectl(place.kubeconfig))
    finally:
        cluster.down(place)
    assert sorted(machine.traces() - before) == []


def _up() -> Place:
    try:
        return cluster.up("e2e", node=True, dies_with_parent=True)
    except NodeImpossible as impossible:
        if "CI" in os.environ:
            raise
        pytest.skip(str(impossible))


@pytest.fixture(scope="session")
def object_store(node_cluster: NodeCluster) -> s3.ObjectStore:
    """A real S3 API on the bridge; it ends with the cluster."""
    return s3.start(node_cluster.place)


@pytest.fixture(scope="session")
def pod_database(node_cluster: NodeCluster) -> database.Database:
    """A real Postgres on the bridge with the SDK's empty tables; it ends with the cluster."""
    return database.start(node_cluster.place)


@pytest.fixture
def workspace(node_cluster: NodeCluster) -> Iterator[Workspace]:
    """A fresh namespace, removed after the test."""
    name = f"e2e-{next(_NUMBERS)}"
    kubectl = make_namespace(node_cluster.kubectl, name)
    yield Workspace(kubectl, mounts.torch_claims(kubectl, name))
    kubectl.delete("namespace", name, "--wait=false")
    mounts.remove_volumes(kubectl, name)
