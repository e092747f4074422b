"""A PyTorchJob in one word."""

import pytest
from support.kubernetes.kube_objects import BEGIN, make_condition, make_job

from atlas_api.pods.contract import DISTRIBUTED_PORT
from atlas_api.training.compute import Compute
from atlas_operator.backends.pytorchjob import job_state, launch_environment, replicas, running_since
from atlas_operator.cluster.document import Document

CREATED = make_condition("Created")
RUNNING = make_condition("Running", at=60)
NOT_RUNNING = make_condition("Running", "False")
SUSPENDED = make_condition("Suspended")
RESUMED = make_condition("Suspended", "False")

STATES = {
    "nobody has looked at it": (make_job(), "Unseen"),
    "nobody has looked at it, and it waits for a queue": (make_job(suspend=True), "Unseen"),
    "it is created and nothing runs": (make_job(CREATED), "Starting"),
    "one of two workers runs": (make_job(CREATED, RUNNING, workers=2, active=1), "Starting"),
    "both workers run": (make_job(CREATED, RUNNING, workers=2, active=2), "Running"),
    "its one pod runs": (make_job(CREATED, RUNNING, active=1), "Running"),
    "it says Running, but no pod runs": (make_job(CREATED, RUNNING), "Starting"),
    "pods run, but it does not say Running": (make_job(CREATED, active=1), "Starting"),
    "somebody scaled it to nothing": (make_job(CREATED, RUNNING, workers=0), "Starting"),
    "it restarts pods": (make_job(CREATED, make_condition("Restarting"), NOT_RUNNING), "Starting"),
    "it is to be suspended, and still runs": (make_job(CREATED, RUNNING, active=1, suspend=True), "Suspending"),
    "it is to be suspended again": (make_job(CREATED, RESUMED, RUNNING, active=1, suspend=True), "Suspending"),
    "it is suspended": (make_job(CREATED, NOT_RUNNING, SUSPENDED, suspend=True), "Queued"),
    "it is to go on, and not yet confirmed": (make_job(CREATED, NOT_RUNNING, SUSPENDED, suspend=False), "Starting"),
    "it goes on": (make_job(CREATED, RUNNING, RESUMED, active=1, suspend=False), "Running"),
    "it succeeded": (make_job(CREATED, NOT_RUNNING, make_condition("Succeeded")), "Succeeded"),
    "it failed": (make_job(CREATED, NOT_RUNNING, make_condition("Failed")), "Failed"),
    "it failed and was suspended afterwards": (make_job(make_condition("Failed"), SUSPENDED, suspend=True), "Failed"),
    "a failure that was taken back": (make_job(RUNNING, make_condition("Failed", "False"), active=1), "Running"),
    "the newest of two conditions of one type": (make_job(RUNNING, NOT_RUNNING, active=1), "Starting"),
}


@pytest.mark.parametrize(("job", "expected"), STATES.values(), ids=STATES.keys())
def test_a_job_is_in_the_state_that_its_conditions_and_counts_say(job: Document, expected: str) -> None:
    assert job_state(job) == expected


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"status": None, "spec": None},
        {"status": {"conditions": "many"}},
        {"status": {"conditions": [None, 3, {"type": 1}]}, "spec": {"runPolicy": [], "pytorchReplicaSpecs": [1]}},
        {"status": {"conditions": [RUNNING], "replicaStatuses": {"Master": {"active": "one"}}}},
        {"status": {"conditions": [RUNNING], "replicaStatuses": {"Master": None}}},
    ],
)
def test_an_odd_job_is_never_taken_for_one_that_runs_or_has_ended(job: Document) -> None:
    assert job_state(job) in ("Unseen", "Starting")
    assert running_since(job) is None


def test_a_job_runs_since_its_condition_says_so() -> None:
    since = running_since(make_job(CREATED, RUNNING, active=1))
    assert since is not None
    assert (since - BEGIN).total_seconds() == 60


def test_nothing_runs_since_any_time_before_all_pods_run() -> None:
    assert running_since(make_job(CREATED, RUNNING, workers=2, active=1)) is None


def test_a_running_job_without_a_readable_time_runs_since_nobody_knows_when() -> None:
    odd = {**RUNNING, "lastTransitionTime": "yesterday"}
    assert running_since(make_job(odd, active=1)) is None


def test_a_replica_spec_without_a_number_means_one_pod() -> None:
    assert replicas({"spec": {"pytorchReplicaSpecs": {"Master": {}, "Worker": {"replicas": 3}}}}) == 4


INDEX = {"valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['training.kubeflow.org/replica-index']"}}}
MEETING = [
    {"name": "MASTER_ADDR", "value": "demo-1-1-worker-0"},
    {"name": "MASTER_PORT", "value": str(DISTRIBUTED_PORT)},
]


@pytest.mark.parametrize("gpus", [0, 1, 4])
def test_one_worker_needs_no_variables(gpus: int) -> None:
    assert launch_environment(Compute(workers=1, gpus_per_worker=gpus), "demo-1-1") == []


@pytest.mark.parametrize("gpus", [0, 1])
def test_one_process_in_each_of_several_pods_learns_its_rank(gpus: int) -> None:
    environment = launch_environment(Compute(workers=3, gpus_per_worker=gpus), "demo-1-1")
    assert environment == [{"name": "RANK", **INDEX}, {"name": "WORLD_SIZE", "value": "3"}, *MEETING]


def test_torchrun_in_each_of_several_pods_learns_the_number_of_its_pod() -> None:
    environment = launch_environment(Compute(workers=2, gpus_per_worker=8), "demo-1-1")
    assert environment == [{"name": "ATLAS_WORKER", **INDEX}, *MEETING]
