"""Why an attempt does not run yet, in plain words."""

from datetime import timedelta

import pytest
from support.kubernetes.kube_objects import (
    BEGIN,
    make_condition,
    make_event,
    make_job,
    make_pod,
    placed,
    unplaced,
    waiting,
)
from support.training.diagnoses import JOB, diagnose

from atlas_operator.cluster.document import Document
from atlas_operator.pending.attempt import pods_scheduled_at

PAIR = make_job(make_condition("Created"), workers=2)
FORBIDDEN = 'Error creating: pods "demo-1-1-worker-0" is forbidden: '


REFUSALS: dict[str, tuple[str, str, list[str]]] = {
    "a quota": (
        FORBIDDEN + "exceeded quota: team-a, requested: requests.nvidia.com/gpu=8, used: requests.nvidia.com/gpu=4, "
        "limited: requests.nvidia.com/gpu=8",
        "QuotaExceeded",
        ["ResourceQuota team-a", "requested: requests.nvidia.com/gpu=8", "limited"],
    ),
    "Pod Security": (
        FORBIDDEN + 'violates PodSecurity "restricted:latest": hostPath volumes (volume "torch")',
        "PodSecurityViolated",
        ["restricted:latest", "hostPath volumes"],
    ),
    "a policy of the cluster": (
        'Error creating: admission webhook "validate.kyverno.svc-fail" denied the request: label team is required',
        "AdmissionDenied",
        ["validate.kyverno.svc-fail", "label team is required"],
    ),
    "an account that is not there": (
        FORBIDDEN + 'error looking up service account agents/team: serviceaccount "team" not found',
        "ServiceAccountMissing",
        ["ServiceAccount team", "create it or correct serviceAccountName"],
    ),
    "a sandbox that is not there": (
        FORBIDDEN + 'pod rejected: RuntimeClass "gvisor" not found',
        "RuntimeClassMissing",
        ["RuntimeClass gvisor", "create it or correct runtimeClassName"],
    ),
    "something else": (FORBIDDEN + "the moon is full", "FailedCreatePod", ["the moon is full"]),
}


@pytest.mark.parametrize(("message", "reason", "words"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_pod_that_the_api_server_refuses_is_explained_by_the_jobs_event(
    message: str, reason: str, words: list[str]
) -> None:
    diagnosis = diagnose(events=[make_event("FailedCreatePod", message, JOB)])
    assert diagnosis.reason == reason
    assert [word for word in ["demo-1-1", *words] if word not in diagnosis.message] == []


def test_a_refusal_is_over_once_all_pods_exist() -> None:
    event = make_event("FailedCreatePod", FORBIDDEN + "exceeded quota: team-a", JOB)
    assert diagnose(make_pod(), events=[event]).reason == "Starting"


def test_a_refusal_of_the_second_pod_is_told_though_the_first_runs() -> None:
    event = make_event("FailedCreatePod", FORBIDDEN + "exceeded quota: team-a", PAIR)
    assert diagnose(make_pod(phase="Running"), job=PAIR, events=[event]).reason == "QuotaExceeded"


def test_a_refusal_of_another_job_is_not_this_ones() -> None:
    event = make_event("FailedCreatePod", FORBIDDEN + "exceeded quota: team-a", make_job(name="other-1-1"))
    assert diagnose(events=[event]).reason == "Starting"


def test_a_job_in_a_queue_says_in_which() -> None:
    diagnosis = diagnose(job=make_job(make_condition("Suspended"), suspend=True, queue="team-a"))
    assert diagnosis.reason == "Queued"
    assert "queue team-a" in diagnosis.message


def test_a_suspended_job_without_a_queue_says_how_it_goes_on() -> None:
    diagnosis = diagnose(job=make_job(make_condition("Suspended"), suspend=True))
    assert diagnosis.reason == "JobSuspended"
    assert "spec.runPolicy.suspend" in diagnosis.message


def test_a_job_that_nobody_takes_up_points_to_the_training_operator() -> None:
    diagnosis = diagnose(job=make_job())
    assert diagnosis.reason == "WaitingForTrainingOperator"
    assert "check that it runs" in diagnosis.message


def test_a_job_whose_pods_are_not_there_yet_is_starting() -> None:
    assert diagnose().reason == "Starting"


def test_several_pods_with_the_same_obstacle_are_counted() -> None:
    full = "0/2 nodes are available: 2 Insufficient cpu."
    diagnosis = diagnose(unplaced(full), unplaced(full, index=1), job=PAIR)
    assert diagnosis.message.startswith("2 of 2 pods: ")


def test_a_mistake_is_told_before_a_lack_of_room_and_that_before_what_takes_its_time() -> None:
    mistake = placed(waiting("CreateContainerConfigError", 'secret "x" not found'), index=1)
    no_room = unplaced("0/2 nodes are available: 2 Insufficient cpu.")
    passing = placed(waiting("ContainerCreating"), index=1)
    assert diagnose(no_room, mistake, job=PAIR).reason == "SecretMissing"
    assert diagnose(passing, no_room, job=PAIR).reason == "Unschedulable"


def test_the_pod_that_is_late_is_named_when_the_other_runs() -> None:
    late = placed(waiting("ContainerCreating"), index=1)
    assert "demo-1-1-worker-1" in diagnose(make_pod(phase="Running"), late, job=PAIR).message


def test_endless_and_odd_words_are_cut_to_one_line() -> None:
    diagnose(placed(waiting("ErrImagePull", "no\x1b[31m\nroute " * 1000)))
    diagnose(events=[make_event("FailedCreatePod", FORBIDDEN * 1000, JOB)])


@pytest.mark.parametrize("odd", [{}, {"status": None, "metadata": 3, "spec": []}, {"status": {"conditions": [1]}}])
def test_odd_objects_are_survived(odd: Document) -> None:
    diagnose(odd)
    diagnose(odd, job=odd, events=[odd, {"involvedObject": "x"}])
    assert pods_scheduled_at([odd]) is None


def test_pods_have_their_nodes_when_the_last_one_has() -> None:
    pods = [make_pod(make_condition("PodScheduled", at=at)) for at in (30, 90, 60)]
    assert pods_scheduled_at(pods) == BEGIN + timedelta(seconds=90)


def test_pods_do_not_have_their_nodes_while_one_has_none() -> None:
    assert pods_scheduled_at([make_pod(make_condition("PodScheduled")), make_pod()]) is None
    assert pods_scheduled_at([]) is None


def test_a_pod_that_was_put_on_a_node_by_hand_has_it_since_it_started() -> None:
    pod = make_pod(node="node-1", startTime="2026-11-23T09:00:07Z")
    assert pods_scheduled_at([pod]) == BEGIN + timedelta(seconds=7)


def test_a_job_whose_first_pod_is_refused_is_not_taken_for_one_that_nobody_has_seen() -> None:
    unseen = make_job()
    event = make_event("FailedCreatePod", FORBIDDEN + "exceeded quota: team-a", unseen)
    assert diagnose(job=unseen).reason == "WaitingForTrainingOperator"
    assert diagnose(job=unseen, events=[event]).reason == "QuotaExceeded"
