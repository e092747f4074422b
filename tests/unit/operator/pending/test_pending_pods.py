"""Why a pod does not run, in plain words."""

import pytest
from support.kubernetes.kube_objects import make_event, make_pod, placed, running, terminated, unplaced, waiting
from support.training.diagnoses import diagnose

from atlas_operator.cluster.document import Document

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
    "a GPU under another name": (
        unplaced("0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.10gb."),
        "Unschedulable",
        ["not enough nvidia.com/mig-1g.10gb free", "lower compute.gpusPerWorker or compute.resources ("],
    ),
    "no room on the disk": (
        unplaced("0/1 nodes are available: 1 Insufficient ephemeral-storage."),
        "Unschedulable",
        ["not enough ephemeral-storage free", "lower compute.ephemeralStorage ("],
    ),
    "too few zones": (
        unplaced("0/4 nodes are available: 4 node(s) didn't match pod topology spread constraints."),
        "Unschedulable",
        ["add nodes, or set whenUnsatisfiable in compute.topologySpreadConstraints"],
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
        "ImagePullBackOff",
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
