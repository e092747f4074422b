"""The flow of an edit in docs/architecture.md is what a profiler sees of a real operator."""

from pathlib import Path

import pytest
from cluster.kubectl import Kubectl
from cluster.programs.processes import wait_until
from support.architecture_page import seen, stops
from support.kubernetes.operator_process import begun_operator
from support.training.cluster_trainings import cluster_training

pytestmark = pytest.mark.cluster

EDIT = "An edit becomes a run"


def test_an_edit_takes_the_way_that_the_page_says(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace, calls=calls) as operator:
        wait_until("readiness", operator.is_ready, seconds=120)
        kubectl.create(cluster_training("refunds"))
        kubectl.wait_for("pytorchjob", "refunds-1-1", lambda job: job is not None)
        operator.process.terminate()
        assert operator.process.wait(60) == 0
    assert seen(calls, EDIT) == stops(EDIT)
