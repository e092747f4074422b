"""What rank 0 leaves when it ends, also when the API server is away."""

import pytest
from support.kubernetes.kube_objects import ended_pod, make_pod
from support.training.reports import read, say

from atlas_operator.reports.run import termination_report


def test_the_termination_message_of_rank_0_is_read() -> None:
    pods = [ended_pod(0, index=1, said=say(metrics={})), ended_pod(0, index=0, said=say())]
    assert termination_report(pods, 3, 2) == read()


def test_a_pod_that_does_not_lead_cannot_report() -> None:
    assert termination_report([ended_pod(0, index=1, said=say())], 3, 2) is None


@pytest.mark.parametrize("label", ["replica-index", "job-role"])
def test_either_label_makes_rank_0(label: str) -> None:
    pod = ended_pod(0, said=say())
    prefix = "training.kubeflow.org"
    pod["metadata"]["labels"].pop(f"{prefix}/{label}")
    assert termination_report([pod], 3, 2) == read()


def test_of_several_termination_messages_the_newest_attempt_speaks() -> None:
    pods = [ended_pod(0, said=say(attempt=1)), ended_pod(0, said=say(attempt=2)), ended_pod(0, said=say(attempt=1))]
    report = termination_report(pods, 3, 2)
    assert report is not None
    assert report.attempt == 2


def test_a_pod_that_runs_or_said_nothing_has_no_report() -> None:
    odd = {"metadata": {"labels": {"training.kubeflow.org/replica-index": "0"}}, "status": {"containerStatuses": 3}}
    assert termination_report([make_pod(), ended_pod(1), odd, {}], 3, 2) is None


def test_a_worker_that_failed_knows_better_than_rank_0_which_only_lost_it() -> None:
    lost = say(phase="Failed", reason="WorkerLost", message="a worker is gone", exitCode=48)
    full = say(phase="Failed", reason="OutOfMemory", message="CUDA out of memory", exitCode=46)
    report = termination_report([ended_pod(48, index=0, said=lost), ended_pod(46, index=1, said=full)], 3, 2)
    assert report is not None
    assert (report.reason, report.exit_code) == ("OutOfMemory", 46)
