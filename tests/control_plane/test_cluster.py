"""What the other tests on a control plane rely on: the real training-operator, and pods that end as a test says."""

from functools import partial

import pytest
from cluster.components.kwok import GPUS_PER_NODE, PREFIX
from cluster.kubectl import Document, Kubectl, Refused
from support.kubernetes.pytorch_jobs import has_condition, pytorch_job

pytestmark = pytest.mark.cluster

succeeded = partial(has_condition, kind="Succeeded")
failed = partial(has_condition, kind="Failed")


def pod_of(kubectl: Kubectl, job: str, phase: str) -> Document:
    pod = kubectl.wait_for("pod", f"{job}-worker-0", lambda pod: pod is not None and pod["status"]["phase"] == phase)
    assert pod is not None
    return pod


def terminated(pod: Document) -> Document:
    state: Document = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    return state


def test_a_pytorch_job_runs_until_its_pod_ends_well(kubectl: Kubectl) -> None:
    kubectl.create(pytorch_job("good"))
    kubectl.wait_for("pytorchjob", "good", partial(has_condition, kind="Running"))
    kubectl.annotate("pod", "good-worker-0", {f"{PREFIX}exit-code": "0"})
    kubectl.wait_for("pytorchjob", "good", succeeded)


def test_a_pod_ends_by_itself_after_a_time(kubectl: Kubectl) -> None:
    kubectl.create(pytorch_job("short", run_seconds="1"))
    kubectl.wait_for("pytorchjob", "short", succeeded)


def test_a_pytorch_job_fails_with_the_exit_code_that_its_pod_is_given(kubectl: Kubectl) -> None:
    kubectl.create(pytorch_job("bad", exit_code="46", message='{"reason": "Diverged"}'))
    kubectl.wait_for("pytorchjob", "bad", failed)
    ended = terminated(kubectl.get("pod", "bad-worker-0"))
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (46, "Error", '{"reason": "Diverged"}')


def test_a_running_pod_ends_when_a_test_says_so(kubectl: Kubectl) -> None:
    kubectl.create(pytorch_job("long"))
    pod_of(kubectl, "long", "Running")
    kubectl.annotate("pod", "long-worker-0", {f"{PREFIX}exit-code": "137", f"{PREFIX}reason": "OOMKilled"})
    ended = terminated(pod_of(kubectl, "long", "Failed"))
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")
    kubectl.wait_for("pytorchjob", "long", failed)


def test_a_pod_can_be_evicted(kubectl: Kubectl) -> None:
    kubectl.create(pytorch_job("evicted", disruption="TerminationByKubelet"))
    pod_of(kubectl, "evicted", "Running")
    kubectl.wait_for("pod", "evicted-worker-0", partial(has_condition, kind="DisruptionTarget"))
    kubectl.annotate("pod", "evicted-worker-0", {f"{PREFIX}pod-reason": "Evicted", f"{PREFIX}pod-message": "no disk"})
    status = pod_of(kubectl, "evicted", "Failed")["status"]
    assert (status["reason"], status["message"]) == ("Evicted", "no disk")
    assert has_condition({"status": status}, "DisruptionTarget")


def test_a_pod_whose_image_cannot_be_pulled_waits_until_it_can(kubectl: Kubectl) -> None:
    def waits(pod: Document | None) -> bool:
        statuses = (pod or {}).get("status", {}).get("containerStatuses") or [{}]
        waiting: Document = statuses[0].get("state", {}).get("waiting", {})
        return waiting.get("reason") == "ImagePullBackOff"

    kubectl.create(pytorch_job("pulling", waiting_reason="ImagePullBackOff"))
    kubectl.wait_for("pod", "pulling-worker-0", waits)
    kubectl.annotate("pod", "pulling-worker-0", {f"{PREFIX}waiting-reason": None})
    state = pod_of(kubectl, "pulling", "Running")["status"]["containerStatuses"][0]["state"]
    assert list(state) == ["running"]


def test_a_pod_that_asks_for_more_gpus_than_a_node_has_is_unschedulable(kubectl: Kubectl) -> None:
    def unschedulable(pod: Document | None) -> bool:
        conditions = (pod or {}).get("status", {}).get("conditions") or []
        return any(one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in conditions)

    job = pytorch_job("large")
    container = job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"nvidia.com/gpu": str(GPUS_PER_NODE + 1)}}
    kubectl.create(job)
    pod = kubectl.wait_for("pod", "large-worker-0", unschedulable)
    assert pod is not None
    assert pod["status"]["phase"] == "Pending"


def test_a_pod_starts_late_and_goes_late_until_a_test_hurries_it(kubectl: Kubectl) -> None:
    kubectl.create(pytorch_job("slow", ready_after="600", deletion_seconds="600"))
    pod_of(kubectl, "slow", "Pending")
    kubectl.annotate("pod", "slow-worker-0", {f"{PREFIX}ready-after": "0"})
    pod_of(kubectl, "slow", "Running")
    kubectl.delete("pytorchjob", "slow")
    kubectl.wait_for("pod", "slow-worker-0", lambda pod: pod is not None and "deletionTimestamp" in pod["metadata"])
    kubectl.annotate("pod", "slow-worker-0", {f"{PREFIX}deletion-seconds": "0"})
    kubectl.wait_for("pod", "slow-worker-0", lambda pod: pod is None)


def test_the_training_operators_webhook_refuses_a_job_with_a_container_of_another_name(kubectl: Kubectl) -> None:
    job = pytorch_job("misnamed")
    job["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]["name"] = "other"
    with pytest.raises(Refused, match=r"training-operator\.kubeflow\.org\" denied the request"):
        kubectl.create(job)
