"""Why an attempt does not run yet, in plain words."""

from datetime import timedelta

import pytest
from support.kube_objects import BEGIN, make_condition, make_event, make_job, make_pod, running, terminated, waiting

from atlas_operator.diagnosis import Diagnosis, pods_scheduled_at, why_not_running
from atlas_operator.observed import Document

JOB = make_job(make_condition("Created"))
PAIR = make_job(make_condition("Created"), workers=2)
FORBIDDEN = 'Error creating: pods "demo-1-1-worker-0" is forbidden: '


def unplaced(message: str, reason: str = "Unschedulable", index: int = 0) -> Document:
    """A pod without a node."""
    return make_pod(make_condition("PodScheduled", "False", reason=reason, message=message), index=index)


def placed(*containers: Document, index: int = 0, init: list[Document] | None = None) -> Document:
    """A pod on a node that has not started."""
    scheduled = make_condition("PodScheduled")
    return make_pod(scheduled, node="node-1", containers=list(containers), init_containers=init, index=index)


def diagnose(*pods: Document, job: Document = JOB, events: list[Document] | None = None) -> Diagnosis:
    """The diagnosis, which is always fit for a condition."""
    diagnosis = why_not_running(job, pods, events or [])
    assert diagnosis.reason.isalnum()
    assert diagnosis.message.isprintable()
    assert len(diagnosis.message) <= 500
    return diagnosis


PODS: dict[str, tuple[Document, str, list[str]]] = {
    "not enough of two resources": (
        unplaced(
            "0/3 nodes are available: 1 Insufficient cpu, 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are "
            "available: 3 No preemption victims found for incoming pod."
        ),
        "Unschedulable",
        ["demo-1-1-worker-0", "not enough cpu, nvidia.com/gpu free", "compute.gpusPerWorker", "0/3 nodes"],
    ),
    "not enough memory": (
        unplaced("0/1 nodes are available: 1 Insufficient memory."),
        "Unschedulable",
        ["not enough memory free", "compute.resources"],
    ),
    "a taint": (
        unplaced("0/1 nodes are available: 1 node(s) had untolerated taint {nvidia.com/gpu: present}."),
        "Unschedulable",
        ["compute.tolerations", "nvidia.com/gpu: present"],
    ),
    "labels that no node has": (
        unplaced("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."),
        "Unschedulable",
        ["compute.nodeSelector"],
    ),
    "a reason that only the scheduler knows": (
        unplaced("0/2 nodes are available: 2 Too many pods."),
        "Unschedulable",
        ["Too many pods"],
    ),
    "no reason at all": (unplaced(""), "Unschedulable", ["does not say why"]),
    "a claim that does not exist": (
        unplaced('0/1 nodes are available: persistentvolumeclaim "models" not found. preemption: 0/1 nodes are ...'),
        "ClaimMissing",
        ["PersistentVolumeClaim models", "create it"],
    ),
    "a claim without a volume": (
        unplaced("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: ..."),
        "ClaimNotBound",
        ["storage class"],
    ),
    "a scheduling gate": (
        unplaced("Scheduling is blocked due to non-empty scheduling gates", "SchedulingGated"),
        "SchedulingGated",
        ["scheduling gate"],
    ),
    "an image that cannot be pulled": (
        placed({**waiting("ErrImagePull", "rpc error: code = NotFound desc = not found"), "image": "trainer:9"}),
        "ErrImagePull",
        ["container pytorch", "demo-1-1-worker-0", "trainer:9", "compute.imagePullSecrets", "NotFound"],
    ),
    "an image that was tried several times": (
        placed({**waiting("ImagePullBackOff", 'Back-off pulling image "trainer:9"'), "image": "trainer:9"}),
        "ImagePullBackOff",
        ["trainer:9 cannot be pulled"],
    ),
    "an image name that is none": (
        placed({**waiting("InvalidImageName", "couldn't parse image name"), "image": "Trainer:9"}),
        "InvalidImageName",
        ["Trainer:9", "compute.image"],
    ),
    "an image that may not be pulled": (
        placed(waiting("ErrImageNeverPull", 'Container image "x" is not present with pull policy of Never')),
        "ErrImageNeverPull",
        ["not on the node"],
    ),
    "a Secret that does not exist": (
        placed(waiting("CreateContainerConfigError", 'secret "traces-db" not found')),
        "SecretMissing",
        ["container pytorch", "Secret traces-db", "create it"],
    ),
    "a key that is not in its Secret": (
        placed(waiting("CreateContainerConfigError", "couldn't find key url in Secret agents/traces-db")),
        "KeyMissing",
        ["key url of Secret traces-db", "add it"],
    ),
    "a ConfigMap that does not exist": (
        placed(waiting("CreateContainerConfigError", 'configmap "desk" not found')),
        "ConfigMapMissing",
        ["ConfigMap desk"],
    ),
    "an image that wants to be root": (
        placed(waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")),
        "CreateContainerConfigError",
        ["runAsNonRoot"],
    ),
    "a container that cannot be made": (
        placed(waiting("RunContainerError")),
        "RunContainerError",
        ["the kubelet does not say why"],
    ),
    "an init container without its Secret": (
        placed(waiting("PodInitializing"), init=[waiting("CreateContainerConfigError", 'secret "x" not found', "get")]),
        "SecretMissing",
        ["init container get", "Secret x"],
    ),
    "an init container that failed": (
        placed(waiting("PodInitializing"), init=[terminated(2, name="get")]),
        "InitFailed",
        ["init container get", "exit code 2"],
    ),
    "an init container at work": (
        placed(waiting("PodInitializing"), init=[terminated(0, name="get"), running("unpack")]),
        "Initializing",
        ["init container unpack"],
    ),
    "containers being made": (placed(waiting("ContainerCreating")), "ContainerCreating", ["on node node-1"]),
    "a node, and no word from its kubelet": (placed(), "ContainerCreating", ["on node node-1"]),
    "a pod that is deleted before it ran": (make_pod(deleted_at=9), "PodTerminating", ["being deleted"]),
    "a pod that nobody has looked at": (make_pod(), "Starting", ["PyTorchJob demo-1-1", "0 of 1"]),
}


@pytest.mark.parametrize(("pod", "reason", "words"), PODS.values(), ids=PODS.keys())
def test_a_pod_that_does_not_run_says_why(pod: Document, reason: str, words: list[str]) -> None:
    diagnosis = diagnose(pod)
    assert diagnosis.reason == reason
    assert [word for word in words if word not in diagnosis.message] == []


POD_EVENTS: dict[str, tuple[str, str, str, str]] = {
    "a Secret volume without its Secret": (
        "FailedMount",
        'MountVolume.SetUp failed for volume "desk" : secret "desk" not found',
        "SecretMissing",
        "Secret desk",
    ),
    "a ConfigMap volume without its ConfigMap": (
        "FailedMount",
        'MountVolume.SetUp failed for volume "desk" : configmap "desk" not found',
        "ConfigMapMissing",
        "ConfigMap desk",
    ),
    "a volume of a key that is not there": (
        "FailedMount",
        'MountVolume.SetUp failed for volume "desk" : references non-existent secret key: url',
        "KeyMissing",
        "key url",
    ),
    "a volume that is used elsewhere": (
        "FailedAttachVolume",
        'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node',
        "FailedMount",
        "Multi-Attach",
    ),
    "no network": (
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: plugin type=bridge failed",
        "NetworkNotReady",
        "sandbox",
    ),
}


@pytest.mark.parametrize(("reason", "message", "expected", "words"), POD_EVENTS.values(), ids=POD_EVENTS.keys())
def test_what_the_kubelet_tells_only_in_events_is_told(reason: str, message: str, expected: str, words: str) -> None:
    pod = placed(waiting("ContainerCreating"))
    diagnosis = diagnose(pod, events=[make_event(reason, message, pod)])
    assert diagnosis.reason == expected
    assert words in diagnosis.message


def test_only_the_newest_event_about_a_volume_counts() -> None:
    pod = placed(waiting("ContainerCreating"))
    told = [
        make_event("FailedMount", 'secret "a" not found', pod, 1),
        make_event("FailedMount", 'secret "b" not found', pod, 2),
    ]
    assert "Secret b" in diagnose(pod, events=told).message


def test_events_of_an_earlier_pod_of_the_same_name_do_not_count() -> None:
    pod = placed(waiting("ContainerCreating"))
    earlier = {**pod, "metadata": {**pod["metadata"], "uid": "another"}}
    events = [make_event("FailedMount", 'secret "a" not found', earlier)]
    assert diagnose(pod, events=events).reason == "ContainerCreating"


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
    "something else": (
        FORBIDDEN + 'error looking up service account agents/demo-1: serviceaccount "demo-1" not found',
        "FailedCreatePod",
        ["serviceaccount"],
    ),
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
