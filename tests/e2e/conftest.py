"""One cluster with a real node for all end-to-end tests, an S3 API and a Postgres that its pods reach."""

import itertools
import os
from collections.abc import Iterator

import pytest
from cluster import cluster
from cluster.components import database, s3
from cluster.kubectl import Kubectl
from cluster.programs.place import Place
from cluster.real_node import mounts
from cluster.real_node.node import NodeImpossible
from support.kubernetes import machine
from support.kubernetes.node_pods import NodeCluster, Workspace, make_namespace
from support.kubernetes.operator_process import install, kubeconfig_of_the_operator, operator
from support.trainer.order_desk import DeskServices, OrderDesk, prepare_order_desk

SESSIONS = 24

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def node_cluster() -> Iterator[NodeCluster]:
    """
    A cluster with a real node, up while the tests run. It must leave the machine as it was.

    Where no node is possible the tests are skipped with the reason; in CI they fail.
    """
    before = machine.traces()
    place = _up("e2e")
    try:
        yield NodeCluster(place, Kubectl(place.kubeconfig))
    finally:
        cluster.down(place)
    assert sorted(machine.traces() - before) == []


@pytest.fixture
def untouched() -> set[str]:
    """What tells whether anything is left of a node, before there was one."""
    return machine.traces()


@pytest.fixture
def own_node() -> Iterator[Place]:
    """A cluster with a real node that the test itself brings down."""
    place = _up("e2e-own")
    yield place
    if place.folder.exists():
        cluster.down(place)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A machine has one node: tests that end theirs come before those that share one."""
    items.sort(key=lambda item: "own_node" not in getattr(item, "fixturenames", []))


def _up(name: str) -> Place:
    try:
        return cluster.up(name, node=True, dies_with_parent=True)
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


@pytest.fixture(scope="session")
def served_node(node_cluster: NodeCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeCluster]:
    """The cluster, served by an operator with its own rights."""
    folder = tmp_path_factory.mktemp("operator")
    install(node_cluster.kubectl)
    log = folder / "operator.log"
    with operator(kubeconfig_of_the_operator(node_cluster.kubectl, folder), log):
        yield node_cluster
    print(log.read_text())


@pytest.fixture(scope="session")
def desk(
    served_node: NodeCluster,
    object_store: s3.ObjectStore,
    pod_database: database.Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> OrderDesk:
    """The order desk's namespace."""
    services = DeskServices(pod_database, object_store, SESSIONS)
    return prepare_order_desk(served_node.kubectl, "agents", tmp_path_factory.mktemp("desk"), services, print)


@pytest.fixture
def workspace(node_cluster: NodeCluster) -> Iterator[Workspace]:
    """A fresh namespace, removed after the test."""
    name = f"e2e-{next(_NUMBERS)}"
    kubectl = make_namespace(node_cluster.kubectl, name)
    yield Workspace(kubectl, mounts.torch_claims(kubectl, name))
    kubectl.delete("namespace", name, "--wait=false")
    mounts.remove_volumes(kubectl, name)
