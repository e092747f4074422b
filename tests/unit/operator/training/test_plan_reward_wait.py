"""The wait for a RewardService has an end where reward.waitSeconds says so."""

from datetime import timedelta
from typing import Any

import pytest
from support.training.cluster_trainings import condition
from support.training.plans import judges_document
from support.training.training_life import Life

from atlas_operator.cluster.document import Document


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
    assert life.look().requeue_at == life.now + timedelta(seconds=10)


def test_the_wait_is_not_training_and_leaves_the_run_over_for_good() -> None:
    life = later(waits(), 600).settle()
    life.reward_services = [judges_document()]
    assert later(life, 60).settle().jobs == []
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


@pytest.mark.parametrize(
    ("begun", "edited", "ends"),
    [
        ({}, {"serviceRef": {"name": "juries"}, "waitSeconds": 60}, True),
        ({"waitSeconds": 60}, {"serviceRef": {"name": "juries"}, "waitSeconds": 900}, False),
        ({"waitSeconds": 60}, {"serviceRef": {"name": "juries"}}, False),
        ({"waitSeconds": 60}, {"verifiers": [{"name": "close", "referenceSimilarity": {}}]}, True),
        ({"waitSeconds": 60}, {"serviceRef": {"url": "http://judges:8080"}}, True),
    ],
    ids=["a limit is set", "it is raised", "it is removed", "there are no judges to wait for", "they have an address"],
)
def test_the_limit_is_that_of_the_newest_spec_where_it_names_a_service(
    begun: Document, edited: Document, ends: bool
) -> None:
    reward = {"serviceRef": {"name": "judges"}, **begun}
    life = Life(reward=reward, retrain={"onSpecChange": "Never"}).settle().edit(reward=edited)
    later(life, 600).settle()
    message = "not Ready within reward.waitSeconds (60 s): RewardService judges, which does not exist"
    assert life.run.get("message", "").startswith(message) == ends


def test_a_limit_set_later_ends_the_wait_of_an_older_recipe_and_the_newest_begins() -> None:
    life = waits(None, retrain={"onSpecChange": "Wait"})
    life.edit(reward={"serviceRef": {"name": "juries"}, "waitSeconds": 60})
    life.reward_services = [judges_document(name="juries")]
    later(life, 60).settle()
    assert (life.run["number"], len(life.jobs)) == (2, 1)


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
