"""A training that names a RewardService takes no GPU before it is Ready, and says what it waits for."""

from datetime import timedelta
from typing import Any

import pytest
from support.cluster_trainings import condition
from support.plans import REVISION, judges_document
from support.training_life import Life

from atlas_operator.observed import Document
from atlas_operator.reward_service import names_service


def judged(**service_ref: Any) -> Life:
    return Life(reward={"serviceRef": service_ref or {"name": "judges"}})


def jobs_after(life: Life) -> int:
    return len(life.settle().jobs)


DELETED = judges_document()
DELETED["metadata"]["deletionTimestamp"] = "2026-11-23T09:05:00Z"


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "RewardService judges, which does not exist in this namespace; create it"),
        ([judges_document(name="others")], "does not exist"),
        ([judges_document("False", "3 of 4 are silent")], "RewardService judges: 3 of 4 are silent"),
        ([judges_document("Unknown")], "it is not ready"),
        ([judges_document(observedGeneration=1)], "has not seen yet"),
        ([judges_document(revision="")], "RewardService judges"),
        ([{"metadata": {"name": "judges", "generation": 1}}], "has not seen yet"),
        ([DELETED], "being deleted"),
    ],
)
def test_no_job_is_made_while_the_service_is_not_ready(services: list[Document], words: str) -> None:
    life = judged()
    life.reward_services = services
    assert jobs_after(life) == 0
    running = condition(life.training, "Running")
    assert (running["status"], running["reason"]) == ("False", "Waiting")
    assert words in running["message"]
    assert life.training["status"]["phase"] == "Pending"
    assert life.look().look_again_at is not None


def test_once_it_is_ready_the_attempt_starts_and_records_its_revision() -> None:
    life = judged()
    assert jobs_after(life) == 0
    life.reward_services = [judges_document()]
    assert jobs_after(life) == 1
    assert life.run["rewardRevision"] == REVISION


def test_the_next_attempt_waits_anew_and_records_what_it_finds() -> None:
    life = judged()
    life.reward_services = [judges_document()]
    life.settle().trains().edit(suspend=True).settle()
    life.reward_services = [judges_document("False", "no pod answers")]
    life.edit(suspend=False).settle()
    assert life.jobs == []
    assert "no pod answers" in condition(life.training, "Running")["message"]
    life.reward_services = [judges_document(revision="f" * 16)]
    assert jobs_after(life) == 1
    assert (life.run["attempt"], life.run["rewardRevision"]) == (2, "f" * 16)


def test_a_running_attempt_is_left_alone_when_the_service_falls_silent() -> None:
    life = judged()
    life.reward_services = [judges_document()]
    life.settle().trains()
    life.reward_services = []
    assert jobs_after(life) == 1
    assert condition(life.training, "Running")["status"] == "True"


def test_a_run_that_waits_keeps_its_recipe_and_its_service_whatever_happens_to_the_spec() -> None:
    life = Life(reward={"serviceRef": {"name": "judges"}}, retrain={"onSpecChange": "Wait"}).settle()
    life.edit(reward={"verifiers": [{"name": "close", "referenceSimilarity": {}}]})
    assert jobs_after(life) == 0
    assert names_service(life.training, life.config_maps)
    assert "judges" in condition(life.training, "Running")["message"]
    life.reward_services = [judges_document()]
    assert jobs_after(life) == 1
    assert life.run["rewardRevision"] == REVISION


@pytest.mark.parametrize("reference", [{"url": "http://localhost:8080"}, {"file": "rewards.yaml"}])
def test_a_service_by_address_or_file_is_not_waited_for(reference: Document) -> None:
    life = judged(**reference)
    assert jobs_after(life) == 1
    assert "rewardRevision" not in life.run


def test_a_training_without_judges_waits_for_nothing_and_looks_for_none() -> None:
    life = Life()
    assert jobs_after(life) == 1
    assert not names_service(life.training, life.config_maps)


def test_pods_get_the_bearer_token_by_reference() -> None:
    source = {"secretKeyRef": {"name": "callers", "key": "token"}}
    life = judged(name="judges", tokenFrom=source)
    life.reward_services = [judges_document()]
    (job,) = life.settle().jobs
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"]
    assert {"name": "ATLAS_REWARD_TOKEN", "valueFrom": source} in container["env"]


# The wait has an end where reward.waitSeconds says so.


def waits(seconds: int | None = 600, **spec: Any) -> Life:
    """A training that has just begun to wait for its service."""
    limit = {"waitSeconds": seconds} if seconds else {}
    return Life(reward={"serviceRef": {"name": "judges"}, **limit}, **spec).settle()


def later(life: Life, seconds: int) -> Life:
    life.now += timedelta(seconds=seconds)
    return life


@pytest.mark.parametrize(
    ("limit", "seconds", "phase"),
    [(None, 10_000_000, "Pending"), (600, 599, "Pending"), (600, 600, "Failed"), (600, 90_000, "Failed")],
    ids=["no limit", "just before it", "just then", "the operator was away"],
)
def test_the_wait_ends_when_its_time_is_over(limit: int | None, seconds: int, phase: str) -> None:
    life = later(waits(limit), seconds).settle()
    assert (life.training["status"]["phase"], life.jobs) == (phase, [])


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "RewardService judges, which does not exist in this namespace; create it"),
        ([judges_document("False", "3 of 4 are silent")], "RewardService judges: 3 of 4 are silent"),
    ],
)
def test_the_run_that_fails_names_the_service_and_what_it_said_last(services: list[Document], words: str) -> None:
    life = later(waits(), 600)
    life.reward_services = services
    life.settle()
    message = f"not Ready within reward.waitSeconds (600 s): {words}"
    assert (life.run["outcome"], life.run["reason"]) == ("Failed", "RewardServiceTimeout")
    assert life.training["status"]["message"] == message
    for kind in ("LastRunSucceeded", "Stalled"):
        told = condition(life.training, kind)
        assert (told["reason"], told["message"]) == ("RewardServiceTimeout", message)


def test_the_operator_looks_again_at_the_deadline() -> None:
    life = later(waits(), 590)
    assert life.look().look_again_at == life.now + timedelta(seconds=10)


def test_the_wait_is_not_training_and_leaves_the_run_over_for_good() -> None:
    life = later(waits(), 600).settle()
    life.reward_services = [judges_document()]
    assert jobs_after(later(life, 60)) == 0
    assert (life.run["number"], life.run.get("ranSeconds", 0), "waitingSince" in life.run) == (1, 0, False)


@pytest.mark.parametrize(
    "edit",
    [
        {"reward": {"serviceRef": {"name": "judges"}, "waitSeconds": 1200}},
        {"reward": {"serviceRef": {"name": "judges"}}},
        {"compute": {"workers": 2}},
        {"limits": {"queueSeconds": 60}},
    ],
    ids=["more patience", "patience without end", "other pods", "other limits"],
)
def test_what_may_cure_it_starts_the_next_run(edit: Document) -> None:
    life = later(waits(), 600).settle().edit(**edit).settle()
    assert (life.run["number"], life.training["status"]["phase"]) == (2, "Pending")


def test_a_limit_that_changes_while_it_waits_counts_from_the_beginning_of_the_wait() -> None:
    life = later(waits(None), 500)
    life.edit(reward={"serviceRef": {"name": "judges"}, "waitSeconds": 400}).settle()
    assert (life.run["number"], life.run["reason"]) == (1, "RewardServiceTimeout")


def test_each_attempt_has_the_whole_time() -> None:
    life = later(waits(), 500)
    life.edit(suspend=True).settle()
    assert "waitingSince" not in life.run
    later(life, 500).edit(suspend=False).settle()
    assert (life.run["attempt"], life.training["status"]["phase"]) == (2, "Pending")
    assert later(life, 600).settle().training["status"]["phase"] == "Failed"


def test_the_wait_for_judges_is_no_time_in_the_queue() -> None:
    life = later(waits(None, limits={"queueSeconds": 60}), 3600)
    life.reward_services = [judges_document()]
    life.settle()
    assert (len(life.jobs), life.training["status"]["phase"]) == (1, "Starting")
    assert "waitingSince" not in life.run
    assert later(life, 60).settle().run["reason"] == "QueueTimeout"
