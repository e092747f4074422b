"""Watches on a real API server: whatever ends one, the operator hears of changes again, and a signal ends it."""

import json
import signal
from pathlib import Path

import pytest
from cluster.kubectl import Document, Kubectl
from cluster.programs.processes import wait_until
from support.kubernetes.operator_process import OperatorProcess, begun_operator
from support.server.faulty_gateway import Answer, faulty_gateway, list_of, watch_of
from support.training.cluster_trainings import cluster_training

pytestmark = pytest.mark.cluster


def has_phase(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase"))


def hears(kubectl: Kubectl, name: str) -> None:
    """A training that is made now is looked at: long before the next resync."""
    kubectl.create(cluster_training(name))
    kubectl.wait_for("atlastraining", name, has_phase)


def ends_well(operator: OperatorProcess) -> None:
    operator.process.send_signal(signal.SIGTERM)
    assert operator.process.wait(20) == 0


def refusal(code: int, reason: str) -> bytes:
    return json.dumps(
        {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": reason}
    ).encode()


def error_event(code: int, reason: str) -> bytes:
    return b'{"type": "ERROR", "object": ' + refusal(code, reason) + b"}\n"


FAULTS = {
    "400 to a watch": (watch_of, Answer(400, refusal(400, "BadRequest"))),
    "403 to a watch": (watch_of, Answer(403, refusal(403, "Forbidden"))),
    "404 to a watch": (watch_of, Answer(404, refusal(404, "NotFound"))),
    "410 to a watch": (watch_of, Answer(410, refusal(410, "Expired"))),
    "410 as an event": (watch_of, Answer(200, error_event(410, "Expired"))),
    "500 as an event": (watch_of, Answer(200, error_event(500, "InternalError"))),
    "an event that is no JSON": (watch_of, Answer(200, b'{"type": "ADDED", "obj\n')),
    "404 to a list": (list_of, Answer(404, refusal(404, "NotFound"))),
    "a list that is cut": (list_of, Answer(200, b'{"kind": "AtlasTrainingList", "items": [')),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("plural", ["atlastrainings", "pods"])
def test_after_one_fault_of_a_list_or_a_watch_changes_are_heard_again(
    fault: str, plural: str, rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    request, answer = FAULTS[fault]
    with (
        faulty_gateway(rights, tmp_path) as (gateway, kubeconfig),
        begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator,
    ):
        wait_until("readiness", operator.is_ready)
        gateway.spoil(request(plural), answer)
        if request is list_of:  # it lists again only after a watch has told that its version is too old
            gateway.spoil(watch_of(plural), FAULTS["410 as an event"][1])
        gateway.cut()
        wait_until("the fault", lambda: gateway.spoilt >= (2 if request is list_of else 1))
        wait_until("readiness again", operator.is_ready)
        hears(kubectl, "refunds")
        assert operator.get("/healthz") == (200, "ok")
        ends_well(operator)


def test_a_watch_that_stays_silent_does_not_keep_the_process_from_ending(
    rights: Path, kubectl: Kubectl, tmp_path: Path
) -> None:
    with (
        faulty_gateway(rights, tmp_path) as (gateway, kubeconfig),
        begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator,
    ):
        wait_until("readiness", operator.is_ready)
        gateway.spoil(lambda request: "watch" in request.query, Answer(200, None), times=1000)
        gateway.cut()
        wait_until("silent watches", lambda: gateway.spoilt >= 3)
        ends_well(operator)
