"""A training that names a RewardService takes no GPU before it is Ready, and says what it waits for."""

from typing import Any

import pytest
from support.cluster_trainings import condition
from support.kube_objects import make_condition
from support.training_life import Life

from atlas_operator.observed import Document
from atlas_operator.reward_service import names_service

REVISION = "0123456789abcdef"


def make_service(status: str = "True", message: str = "", name: str = "judges", **fields: Any) -> Document:
    """A RewardService whose condition Ready is *status*. Keywords go into its status."""
    told = [make_condition("Ready", status, message=message)]
    answers = {"url": "http://judges.agents.svc:8080", "revision": REVISION}
    return {
        "kind": "RewardService",
        "metadata": {"name": name, "namespace": "agents", "generation": 2},
        "status": {"observedGeneration": 2, "conditions": told, **answers, **fields},
    }


def judged(**service_ref: Any) -> Life:
    return Life(reward={"serviceRef": service_ref or {"name": "judges"}})


def jobs_after(life: Life) -> int:
    return len(life.settle().jobs)


DELETED = make_service()
DELETED["metadata"]["deletionTimestamp"] = "2026-11-23T09:05:00Z"


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "RewardService judges, which does not exist in this namespace; create it"),
        ([make_service(name="others")], "does not exist"),
        ([make_service("False", "3 of 4 judges do not answer")], "RewardService judges: 3 of 4 judges do not answer"),
        ([make_service("Unknown")], "it is not ready"),
        ([make_service(observedGeneration=1)], "has not seen yet"),
        ([make_service(revision="")], "RewardService judges"),
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
    life.reward_services = [make_service()]
    assert jobs_after(life) == 1
    assert life.run["rewardRevision"] == REVISION


def test_the_next_attempt_waits_anew_and_records_what_it_finds() -> None:
    life = judged()
    life.reward_services = [make_service()]
    life.settle().trains().edit(suspend=True).settle()
    life.reward_services = [make_service("False", "no pod answers")]
    life.edit(suspend=False).settle()
    assert life.jobs == []
    assert "no pod answers" in condition(life.training, "Running")["message"]
    life.reward_services = [make_service(revision="f" * 16)]
    assert jobs_after(life) == 1
    assert (life.run["attempt"], life.run["rewardRevision"]) == (2, "f" * 16)


def test_a_running_attempt_is_left_alone_when_the_service_falls_silent() -> None:
    life = judged()
    life.reward_services = [make_service()]
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
    life.reward_services = [make_service()]
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
    life.reward_services = [make_service()]
    (job,) = life.settle().jobs
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"]
    assert {"name": "ATLAS_REWARD_TOKEN", "valueFrom": source} in container["env"]
