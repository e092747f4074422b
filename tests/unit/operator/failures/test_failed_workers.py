"""Several workers fall over one after another: which one is the cause."""

import pytest
from support.kubernetes.kube_objects import ended_pod, make_pod
from support.training.endings import disrupted, fail, say

from atlas_operator.cluster.document import Document

SEVERAL_PODS: dict[str, tuple[list[Document], str, str]] = {
    "the worker that failed first": ([ended_pod(1, 0, at=90), ended_pod(137, 1, at=80)], "infrastructure", "worker-1"),
    "the crash, not the peer that was sent away for it": (
        [ended_pod(143, 0, at=95, deleted_at=62), ended_pod(1, 1, at=60)],
        "user",
        "worker-1",
    ),
    "the crash also when all is over in the same second": (
        [ended_pod(143, 0, at=60, deleted_at=60), ended_pod(1, 1, at=60)],
        "user",
        "worker-1",
    ),
    "the kill also when its peer falls in the same second": (
        [ended_pod(1, 0, at=60), ended_pod(137, 1, at=60)],
        "infrastructure",
        "worker-1",
    ),
    "the pod that was deleted, though its peer fell before it had gone": (
        [ended_pod(1, 0, at=70), ended_pod(143, 1, at=95, deleted_at=60)],
        "preempted",
        "worker-1",
    ),
    "the one out of memory, though its peer fell before that was noted": (
        [ended_pod(1, 0, at=60), ended_pod(137, 1, at=61, cause="OOMKilled")],
        "outOfMemory",
        "worker-1",
    ),
    "the lost node, though it takes minutes to be noticed": (
        [ended_pod(1, 0, at=60), make_pod(disrupted("DeletionByTaintManager", at=360), index=1, phase="Failed")],
        "infrastructure",
        "worker-1",
    ),
    "the error that says what is wrong, not the peer without words": (
        [ended_pod(1, 0, at=60), ended_pod(44, 1, at=61)],
        "user",
        "NotFinite",
    ),
    "the failed one of a pod that is fine": ([ended_pod(0, 0), ended_pod(1, 1)], "user", "worker-1"),
}


@pytest.mark.parametrize(("pods", "failure_class", "names"), SEVERAL_PODS.values(), ids=SEVERAL_PODS.keys())
def test_of_several_workers_the_cause_is(pods: list[Document], failure_class: str, names: str) -> None:
    for order in (pods, pods[::-1]):
        failure = fail(*order)
        assert failure.failure_class == failure_class
        assert names in f"{failure.reason} {failure.message}"


def test_what_rank_0_reports_as_it_falls_over_does_not_hide_a_killed_peer() -> None:
    report = say("Interrupted", reason="Preempted", message="saved step 12")
    pods = [ended_pod(143, 0, at=70, deleted_at=62), ended_pod(137, 1, at=60)]
    assert fail(*pods, report=report).reason == "Killed"
