"""Tests on a cluster that is there already, such as kind or k3d: what $KUBECONFIG names is borrowed.

The fixtures call it. It adds simulated nodes, whose pods a kwok process of this machine plays, and removes them again.
The project's CRDs are installed and removed again where they are missing, and so are the rights of the operator that
the tests start. The tests' namespaces are removed at the end. The training-operator must be there; without it the tests
are skipped, with the reason.
A test's pods reach the simulated nodes by asking for `nvidia.com/gpu` or by the nodeSelector of kwok.LABEL.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster import cluster
from cluster.components import kwok
from cluster.kubectl import Kubectl
from cluster.programs import place, processes
from cluster.programs.binaries import path

_OPERATOR = Path(__file__).parents[2] / "operator"
_NAMESPACE = "atlas-system"

FOR_TESTS = "test.atlas/namespace"
"""A label of all namespaces that the tests make."""


@contextmanager
def borrowed() -> Iterator[Path]:
    """A kubeconfig file that holds the current context of $KUBECONFIG alone, while simulated nodes are there."""
    owner = processes.identity_of(os.getpid())
    here = place.make(f"tests-{os.getpid()}", owner=owner, node=False, dies_with_parent=True)
    try:
        _copy_context(here.kubeconfig)
        kubectl = Kubectl(here.kubeconfig)
        if kubectl.find("crd", "pytorchjobs.kubeflow.org") is None:
            pytest.skip("the cluster of $KUBECONFIG has no training-operator (no CRD pytorchjobs.kubeflow.org)")
        kwok.remove_nodes(kubectl)  # a killed run leaves them
        _remove_namespaces(kubectl, "--wait=false")
        installed = _define_what_is_missing(kubectl)
        has_rights = kubectl.find("namespace", _NAMESPACE) is not None
        kwok.up(here)
        yield here.kubeconfig
        _remove_namespaces(kubectl, "--timeout=300s")  # while kwok lets their pods go
        kwok.remove_nodes(kubectl)
        for definition in installed:
            kubectl.run("delete", "-f", definition)
        if not has_rights:
            for file in ("admission.yaml", "rbac.yaml"):
                kubectl.within(_NAMESPACE).run("delete", "--ignore-not-found", "-f", _OPERATOR / file)
    finally:
        cluster.down(here)


def _remove_namespaces(kubectl: Kubectl, option: str) -> None:
    kubectl.run("delete", "namespaces", "--selector", f"{FOR_TESTS}=true", option)


def _define_what_is_missing(kubectl: Kubectl) -> list[Path]:
    missing = [file for file in cluster.own_definitions() if not kubectl.run("get", "-f", file, "--ignore-not-found")]
    for definition in missing:
        kubectl.run("apply", "--server-side", "-f", definition)
    return missing


def _copy_context(target: Path) -> None:
    view = [str(path("kubectl")), "config", "view", "--raw", "--minify", "--flatten"]
    text = subprocess.run(view, capture_output=True, text=True, check=True).stdout
    target.touch(mode=0o600)
    target.write_text(text)
