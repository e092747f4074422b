"""Fixtures of the tests on a control plane, and a list at the end of what could not run, with the reasons."""

import pytest
from cluster.fixtures import control_plane, kubectl, namespace

__all__ = ["control_plane", "kubectl", "namespace"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests on a cluster that could not run here."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "cluster" in report.keywords]
    if skipped:
        terminalreporter.section("could not run on this cluster")
    for report in skipped:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
