"""Fixtures of the tests on a control plane, and a list at the end of what could not run, with the reasons."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.fixtures import ControlPlane, control_plane, kubectl, namespace
from cluster.kubectl import Kubectl
from support.kubernetes.operator_process import install, kubeconfig_of_the_operator, operator
from support.kubernetes.recorded_states import disagreements, recorded_states

__all__ = ["control_plane", "kubectl", "namespace"]


@pytest.fixture(scope="module")
def rights(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator in the whole cluster, where its CRDs and its rights are installed."""
    install(control_plane.kubectl)
    return kubeconfig_of_the_operator(control_plane.kubectl, tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="module")
def _operator(rights: Path, control_plane: ControlPlane) -> Iterator[None]:
    """An operator at work. Of no state that it led to may GitOps tools think differently."""
    log = rights.with_name("operator.log")
    with recorded_states(control_plane.kubectl, log.parent) as shown, operator(rights, log):
        yield
        states = shown()
    print(log.read_text())
    assert states
    assert disagreements(states) == []


@pytest.fixture
def watched(_operator: None, kubectl: Kubectl) -> Kubectl:
    """kubectl in a fresh namespace of a cluster that an operator watches."""
    return kubectl


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests on a cluster that could not run here."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "cluster" in report.keywords]
    if skipped:
        terminalreporter.section("could not run on this cluster")
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
