"""Fixtures of the tests on a control plane, and a list at the end of what could not run, with the reasons.

The tests run side by side: `make test-cluster` starts several workers of pytest-xdist, and a module stays on one of
them. All workers share one cluster (cluster/fixtures.py). Every test has a namespace of its own, and an operator serves
only namespaces of the tests that started it, so no two operators ever work on one object:

- Tests that take `watched` have an operator at work, one for all of their module.
- Who takes `kubectl` has none, and may start one with `--namespace`.
- What needs a cluster for itself, such as an operator without `--namespace`, brings one up.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.fixtures import ControlPlane, control_plane, kubectl, make_namespaces, namespace, run_folder
from cluster.kubectl import Kubectl
from cluster.sharing import locked
from support.kubernetes.operator_process import install, kubeconfig_of_the_operator, operator
from support.kubernetes.recorded_states import disagreements, recorded_states

__all__ = ["control_plane", "kubectl", "namespace", "run_folder"]


@pytest.fixture(scope="session")
def rights(control_plane: ControlPlane, run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator in the whole cluster, where its CRDs and its rights are installed."""
    with locked(run_folder / "install.lock"):
        install(control_plane.kubectl)
    return kubeconfig_of_the_operator(control_plane.kubectl, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def _served(
    request: pytest.FixtureRequest,
    rights: Path,
    control_plane: ControlPlane,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Iterator[str]]:
    """Namespaces, one for each test of the module that takes `watched`, and an operator at work in them.

    Of no state that it led to may GitOps tools think differently.
    """
    of_module = (item for item in request.session.items if item.path == request.path)
    count = sum("watched" in getattr(item, "fixturenames", ()) for item in of_module)
    namespaces = make_namespaces(control_plane.kubectl, count)
    folder = tmp_path_factory.mktemp("served")
    log = folder / "operator.log"
    served = [f"--namespace={name}" for name in namespaces]
    with recorded_states(control_plane.kubectl, namespaces, folder) as shown, operator(rights, log, *served):
        yield iter(namespaces)
        states = shown()
    print(log.read_text())
    assert states
    assert disagreements(states) == []


@pytest.fixture
def watched(_served: Iterator[str], control_plane: ControlPlane) -> Iterator[Kubectl]:
    """kubectl in a fresh namespace that an operator serves; removed after the test, without waiting for its end."""
    name = next(_served)
    yield control_plane.kubectl.within(name)
    control_plane.kubectl.delete("namespace", name, "--wait=false")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests on a cluster that could not run here."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "cluster" in report.keywords]
    if skipped:
        terminalreporter.section("could not run on this cluster")
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
