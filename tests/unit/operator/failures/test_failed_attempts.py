"""How a finished attempt ended, from what job, pods and trainer left."""

import pytest
from support.kubernetes.kube_objects import ended_pod, make_condition, make_job, make_pod, running, terminated
from support.training.endings import FAILED, MODEL, SUCCEEDED, disrupted, fail, say

from atlas_api.errors import AtlasError
from atlas_operator.cluster.document import Document
from atlas_operator.failures.attempt import Failure, Success, classify_attempt


def test_a_model_in_the_progress_config_map_is_success() -> None:
    assert classify_attempt(SUCCEEDED, [ended_pod(0)], say("Succeeded", model=MODEL), None) == Success(MODEL)


def test_a_model_in_the_termination_message_is_success_when_the_api_server_was_away() -> None:
    assert classify_attempt(SUCCEEDED, [ended_pod(0)], say(), say("Succeeded", model=MODEL)) == Success(MODEL)


@pytest.mark.parametrize("job", [FAILED, None, make_job(make_condition("Running"), deleted_at=3)])
def test_a_saved_model_counts_whatever_became_of_the_job_afterwards(job: Document | None) -> None:
    pods = [ended_pod(0), ended_pod(137, index=1)]
    assert classify_attempt(job, pods, say("Succeeded", model=MODEL), None) == Success(MODEL)


def test_a_job_that_succeeded_without_a_final_report_made_no_model() -> None:
    failure = fail(ended_pod(0), job=SUCCEEDED, report=say())
    assert (failure.failure_class, failure.reason) == ("infrastructure", "MarkerMissing")


def test_a_success_without_a_readable_model_is_none_and_the_message_says_so() -> None:
    failure = fail(ended_pod(0), job=SUCCEEDED, report=say("Succeeded"))
    assert failure.reason == "MarkerMissing"
    assert "without the address of a model" in failure.message


def test_a_peer_that_is_sent_away_after_worker_0_ended_does_not_hide_the_missing_marker() -> None:
    assert fail(ended_pod(0), ended_pod(143, index=1), job=SUCCEEDED).reason == "MarkerMissing"


ONE_POD: dict[str, tuple[Document, str, str]] = {
    "preempted by the scheduler": (
        ended_pod(143, conditions=[disrupted("PreemptionByScheduler")]),
        "preempted",
        "PreemptionByScheduler",
    ),
    "evicted through the API, as a drain does": (
        ended_pod(143, conditions=[disrupted("EvictionByEvictionAPI")]),
        "infrastructure",
        "EvictionByEvictionAPI",
    ),
    "deleted for a taint": (
        ended_pod(143, conditions=[disrupted("DeletionByTaintManager")]),
        "infrastructure",
        "DeletionByTaintManager",
    ),
    "ended by the kubelet": (
        ended_pod(137, conditions=[disrupted("TerminationByKubelet")]),
        "infrastructure",
        "TerminationByKubelet",
    ),
    "ended by the kubelet to admit a critical pod": (
        ended_pod(137, conditions=[disrupted("TerminationByKubelet")], reason="Preempting"),
        "preempted",
        "TerminationByKubelet",
    ),
    "cleaned up after its node had gone": (
        make_pod(disrupted("DeletionByPodGC"), phase="Failed", node="node-1", containers=[running()]),
        "infrastructure",
        "DeletionByPodGC",
    ),
    "a disruption that did not happen after all": (
        ended_pod(1, conditions=[make_condition("DisruptionTarget", "False", reason="PreemptionByScheduler")]),
        "user",
        "Crashed",
    ),
    "evicted for memory of the node": (
        make_pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
        "infrastructure",
        "Evicted",
    ),
    "beyond its own limit of the node's disk": (
        make_pod(
            phase="Failed",
            reason="Evicted",
            message="Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
        ),
        "user",
        "DiskLimit",
    ),
    "beyond its container's limit of the node's disk": (
        make_pod(
            phase="Failed",
            reason="Evicted",
            message='Container pytorch exceeded its local ephemeral storage limit "1Gi". ',
        ),
        "user",
        "DiskLimit",
    ),
    "evicted for the disk of the node": (
        make_pod(phase="Failed", reason="Evicted", message="The node was low on resource: ephemeral-storage."),
        "infrastructure",
        "Evicted",
    ),
    "lost with its node": (make_pod(phase="Unknown", reason="NodeLost"), "infrastructure", "NodeLost"),
    "preempted by the kubelet": (make_pod(phase="Failed", reason="Preempting"), "preempted", "Preempting"),
    "refused by the kubelet": (
        make_pod(phase="Failed", reason="UnexpectedAdmissionError", message="Allocate failed due to no GPU"),
        "infrastructure",
        "UnexpectedAdmissionError",
    ),
    "refused for a resource whose name is no word": (
        make_pod(phase="Failed", reason="OutOfnvidia.com/gpu"),
        "infrastructure",
        "PodRefused",
    ),
    "out of memory": (ended_pod(137, cause="OOMKilled"), "outOfMemory", "OOMKilled"),
    "a sidecar out of memory": (
        make_pod(phase="Failed", containers=[terminated(1), terminated(137, "OOMKilled", name="proxy")]),
        "outOfMemory",
        "OOMKilled",
    ),
    "killed, but not for memory": (ended_pod(137), "infrastructure", "Killed"),
    "asked to end": (ended_pod(143), "preempted", "Preempted"),
    "asked to end by the signal that its image names": (ended_pod(130), "preempted", "Interrupted"),
    "asked to end by SIGHUP": (ended_pod(129), "preempted", "HungUp"),
    "a segmentation fault": (ended_pod(139), "user", "Crashed"),
    "an instruction that this CPU does not know": (ended_pod(132), "user", "Crashed"),
    "aborted by a library that lost its peers": (ended_pod(134), "infrastructure", "Killed"),
    "exit code 1": (ended_pod(1), "user", "Crashed"),
    "exit code 255, which is no signal": (ended_pod(255), "user", "Crashed"),
    "a program that is not in the image": (
        ended_pod(128, cause="StartError", said='exec: "atlas": executable file not found in $PATH'),
        "user",
        "StartError",
    ),
    "an init container that failed with a code of the trainer's": (
        make_pod(phase="Failed", init_containers=[terminated(40, name="fetch")]),
        "user",
        "Crashed",
    ),
    "deleted by somebody, and still there": (
        make_pod(phase="Running", node="node-1", containers=[running()], deleted_at=30),
        "infrastructure",
        "PodDeleted",
    ),
}


@pytest.mark.parametrize(("pod", "failure_class", "reason"), ONE_POD.values(), ids=ONE_POD.keys())
def test_the_failure_of_a_pod_has_the_class_of_its_cause(pod: Document, failure_class: str, reason: str) -> None:
    failure = fail(pod)
    assert (failure.failure_class, failure.reason) == (failure_class, reason)
    assert "demo-1-1-worker-0" in failure.message


def family(kind: type[AtlasError]) -> list[type[AtlasError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in family(child))]


@pytest.mark.parametrize("kind", family(AtlasError)[1:])
def test_every_exit_code_of_the_trainer_tells_its_error(kind: type[AtlasError]) -> None:
    failure = fail(ended_pod(kind.exit_code))
    assert (failure.failure_class, failure.reason) == (kind.failure, kind.__name__)
    assert f"exit code {kind.exit_code}" in failure.message


def test_the_trainers_own_words_are_better_than_its_exit_code() -> None:
    report = say("Failed", reason="FlatReward", message="every group scored 0.0; check spec.reward", exit_code=43)
    failure = fail(ended_pod(1), report=report)
    assert failure == Failure("user", "FlatReward", "every group scored 0.0; check spec.reward")


def test_the_termination_message_is_newer_than_the_config_map() -> None:
    assert fail(ended_pod(44), report=say(), said=say("Failed", reason="NotFinite")).reason == "NotFinite"


def test_the_trainers_word_counts_when_its_pod_is_gone() -> None:
    failure = fail(report=say("Failed", reason="SourceUnreachable", message="no answer from the database"))
    assert (failure.failure_class, failure.reason) == ("infrastructure", "SourceUnreachable")


def test_an_error_that_we_do_not_know_keeps_its_name_and_takes_the_class_of_its_exit_code() -> None:
    failure = fail(report=say("Failed", reason="SomethingNew", exit_code=30, message="a newer trainer"))
    assert (failure.failure_class, failure.reason) == ("data", "SomethingNew")


def test_an_error_that_nobody_knows_is_the_users() -> None:
    failure = fail(ended_pod(1), report=say("Failed", reason="SomethingNew"))
    assert (failure.failure_class, failure.reason) == ("user", "SomethingNew")


def test_an_interrupted_trainer_was_preempted() -> None:
    report = say("Interrupted", reason="Preempted", exit_code=143, message="saved step 12")
    assert fail(ended_pod(143), report=report) == Failure("preempted", "Preempted", "saved step 12")


def test_a_refused_judge_is_the_users_though_the_run_could_go_on() -> None:
    words = "m at https://h/v1: answers 402 Payment Required: no credit"
    failure = fail(report=say("Interrupted", reason="JudgeRefused", exit_code=25, message=words))
    assert (failure.failure_class, failure.reason, failure.message) == ("user", "JudgeRefused", words)


@pytest.mark.parametrize(
    "pod",
    [ended_pod(137, cause="OOMKilled"), ended_pod(143, conditions=[disrupted("EvictionByEvictionAPI")])],
    ids=["the kernel", "the cluster"],
)
def test_what_was_done_to_the_pod_is_known_better_than_the_trainer_can(pod: Document) -> None:
    failure = fail(pod, report=say("Interrupted", reason="Preempted"))
    assert failure.reason in ("OOMKilled", "EvictionByEvictionAPI")


def test_a_failed_job_without_pods_has_lost_them() -> None:
    failure = fail()
    assert (failure.failure_class, failure.reason) == ("infrastructure", "PodsLost")


def test_a_failed_job_whose_pods_show_nothing_is_told_in_its_own_words() -> None:
    failure = fail(make_pod())
    assert (failure.failure_class, failure.reason) == ("infrastructure", "JobFailed")
    assert "1 Worker replica failed." in failure.message


@pytest.mark.parametrize("job", [None, make_job(make_condition("Running"), active=1, deleted_at=50)])
def test_a_job_that_somebody_deleted_is_started_again(job: Document | None) -> None:
    failure = fail(ended_pod(143, deleted_at=50), job=job, report=say("Interrupted", reason="Preempted"))
    assert (failure.failure_class, failure.reason) == ("infrastructure", "JobDeleted")


def test_a_job_deleted_after_its_trainer_had_given_up_failed_for_the_trainers_reason() -> None:
    assert fail(job=None, report=say("Failed", reason="FlatReward")).reason == "FlatReward"


def test_long_and_odd_words_of_a_node_are_cut_to_one_line() -> None:
    fail(make_pod(phase="Failed", reason="Evicted", message="disk \x1b[31m\n full " * 1000))


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"metadata": None, "status": "gone"},
        {"status": {"containerStatuses": [None, {"state": {"terminated": {"exitCode": "one"}}}]}},
        {"status": {"conditions": {"type": "DisruptionTarget"}, "initContainerStatuses": 3}},
    ],
)
def test_an_odd_pod_explains_nothing_and_harms_nothing(pod: Document) -> None:
    assert fail(pod).reason == "JobFailed"
