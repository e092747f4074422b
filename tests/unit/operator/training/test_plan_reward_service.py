"""A training that names a RewardService takes no GPU before it is Ready, and says what it waits for."""

import json
from typing import Any

import pytest
from support.training.cluster_trainings import condition
from support.training.plans import REVISION, Scene, judges_document, scene
from support.training.training_life import Life

from atlas_operator.cluster.document import Document
from atlas_operator.rewardservice.served import names_service


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
    assert life.look().requeue_at is not None


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


TOKEN = {"secretKeyRef": {"name": "callers", "key": "token"}}


def told_to_trainers(seen: Scene) -> list[Document]:
    """`reward` of every run.json."""
    texts = [found["data"]["run.json"] for found in seen.observed.config_maps if "data" in found]
    return [json.loads(each)["spec"]["reward"] for each in texts]


@pytest.mark.parametrize("policy", ["Replace", "Wait", "Never"])
def test_a_token_that_is_added_while_the_run_waits_reaches_the_trainer(policy: str) -> None:
    reward = {"serviceRef": {"name": "judges"}}
    waiting = scene(reward=reward, retrain={"onSpecChange": policy}).look_until_quiet()
    edited = waiting.edit(reward={"serviceRef": {"name": "judges", "tokenFrom": TOKEN}}).look_until_quiet()
    started = edited.see(reward_services=(judges_document(),)).look_until_quiet()
    (told,) = told_to_trainers(started)
    assert told["serviceRef"]["tokenFrom"] == TOKEN
    assert (started.run.number, len(started.observed.jobs)) == (1, 1)


@pytest.mark.parametrize("policy", ["Wait", "Never"])
def test_nothing_of_another_recipe_reaches_a_run_that_waits(policy: str) -> None:
    reward = {"serviceRef": {"name": "judges"}}
    waiting = scene(reward=reward, retrain={"onSpecChange": policy}).look_until_quiet()
    another = {"serviceRef": {"name": "judges", "tokenFrom": TOKEN, "weight": 2}}
    edited = waiting.edit(reward=another, optimization={"maxSteps": 9, "batchSize": 8}).look_until_quiet()
    started = edited.see(reward_services=(judges_document(),)).look_until_quiet()
    assert told_to_trainers(started) == told_to_trainers(waiting)
    (job,) = started.observed.jobs
    assert "ATLAS_REWARD_TOKEN" not in json.dumps(job)
