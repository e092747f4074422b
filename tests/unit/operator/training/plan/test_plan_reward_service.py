"""A training that names a RewardService takes no GPU before it is Ready, and says what it waits for."""

import json
from typing import Any

import pytest
from support.training.scenario import Scenario
from support.training.training_documents import REVISION, judges_document

from atlas_operator.cluster.document import Document
from atlas_operator.rewardservice.served import names_service

READY = judges_document()


def judged(*services: Document, **service_ref: Any) -> Scenario:
    """A training, once the operator has looked at it and at the services that there are."""
    applied = Scenario(reward={"serviceRef": service_ref or {"name": "judges"}})
    return serving(applied, *services)


def serving(before: Scenario, *services: Document) -> Scenario:
    """There are other services, and the operator saw them."""
    return before.where(reward_services=services).look_until_quiet()


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
    waiting = judged(*services)
    assert waiting.jobs == []
    assert waiting.condition("Running") == ("False", "Waiting")
    assert words in waiting.message("Running")
    assert waiting.status.phase == "Pending"
    assert waiting.look().last.requeue_at is not None


def test_once_it_is_ready_the_attempt_starts_and_records_its_revision() -> None:
    waiting = judged()
    assert waiting.jobs == []
    started = serving(waiting, READY)
    assert len(started.jobs) == 1
    assert started.run.reward_revision == REVISION


def test_the_next_attempt_waits_anew_and_records_what_it_finds() -> None:
    stopping = judged(READY).running().edit(suspend=True).look()
    waiting = serving(stopping.pods_end().look().edit(suspend=False), judges_document("False", "no pod answers"))
    assert waiting.jobs == []
    assert "no pod answers" in waiting.message("Running")
    second = serving(waiting, judges_document(revision="f" * 16))
    assert len(second.jobs) == 1
    assert (second.run.attempt, second.run.reward_revision) == (2, "f" * 16)


def test_a_running_attempt_is_left_alone_when_the_service_falls_silent() -> None:
    running = serving(judged(READY).running())
    assert len(running.jobs) == 1
    assert running.condition("Running")[0] == "True"


def test_a_run_that_waits_keeps_its_recipe_and_its_service_whatever_happens_to_the_spec() -> None:
    begun = Scenario(reward={"serviceRef": {"name": "judges"}}, retrain={"onSpecChange": "Wait"}).look_until_quiet()
    waiting = begun.edit(reward={"verifiers": [{"name": "close", "referenceSimilarity": {}}]}).look_until_quiet()
    assert waiting.jobs == []
    assert names_service(waiting.training, waiting.config_maps)
    assert "judges" in waiting.message("Running")
    started = serving(waiting, READY)
    assert len(started.jobs) == 1
    assert started.run.reward_revision == REVISION


@pytest.mark.parametrize("reference", [{"url": "http://localhost:8080"}, {"file": "rewards.yaml"}])
def test_a_service_by_address_or_file_is_not_waited_for(reference: Document) -> None:
    started = judged(**reference)
    assert len(started.jobs) == 1
    assert "rewardRevision" not in started.training["status"]["run"]


def test_a_training_without_judges_waits_for_nothing_and_looks_for_none() -> None:
    started = Scenario().look_until_quiet()
    assert len(started.jobs) == 1
    assert not names_service(started.training, started.config_maps)


def test_pods_get_the_bearer_token_by_reference() -> None:
    source = {"secretKeyRef": {"name": "callers", "key": "token"}}
    (job,) = judged(READY, name="judges", tokenFrom=source).jobs
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"]
    assert {"name": "ATLAS_REWARD_TOKEN", "valueFrom": source} in container["env"]


TOKEN = {"secretKeyRef": {"name": "callers", "key": "token"}}


def told_to_trainers(seen: Scenario) -> list[Document]:
    """`reward` of every run.json."""
    texts = [found["data"]["run.json"] for found in seen.config_maps if "data" in found]
    return [json.loads(each)["spec"]["reward"] for each in texts]


@pytest.mark.parametrize("policy", ["Replace", "Wait", "Never"])
def test_a_token_that_is_added_while_the_run_waits_reaches_the_trainer(policy: str) -> None:
    reward = {"serviceRef": {"name": "judges"}}
    waiting = Scenario(reward=reward, retrain={"onSpecChange": policy}).look_until_quiet()
    edited = waiting.edit(reward={"serviceRef": {"name": "judges", "tokenFrom": TOKEN}}).look_until_quiet()
    started = serving(edited, READY)
    (told,) = told_to_trainers(started)
    assert told["serviceRef"]["tokenFrom"] == TOKEN
    assert (started.run.number, len(started.jobs)) == (1, 1)


@pytest.mark.parametrize("policy", ["Wait", "Never"])
def test_nothing_of_another_recipe_reaches_a_run_that_waits(policy: str) -> None:
    reward = {"serviceRef": {"name": "judges"}}
    waiting = Scenario(reward=reward, retrain={"onSpecChange": policy}).look_until_quiet()
    another = {"serviceRef": {"name": "judges", "tokenFrom": TOKEN, "weight": 2}}
    edited = waiting.edit(reward=another, optimization={"maxSteps": 9, "batchSize": 8}).look_until_quiet()
    started = serving(edited, READY)
    assert told_to_trainers(started) == told_to_trainers(waiting)
    (job,) = started.jobs
    assert "ATLAS_REWARD_TOKEN" not in json.dumps(job)
