"""The wait for a RewardService has an end where reward.waitSeconds says so."""

from typing import Any

import pytest
from support.kubernetes.kube_objects import moment
from support.training.scenario import Scenario
from support.training.training_documents import judges_document

from atlas_operator.cluster.document import Document


def waits(seconds: int | None = 600, **spec: Any) -> Scenario:
    """A training that has just begun to wait for its service."""
    limit = {"waitSeconds": seconds} if seconds else {}
    return Scenario(reward={"serviceRef": {"name": "judges"}, **limit}, **spec).look_until_quiet()


@pytest.mark.parametrize(
    ("limit", "seconds", "phase"),
    [(None, 10_000_000, "Pending"), (600, 599, "Pending"), (600, 600, "Failed"), (600, 90_000, "Failed")],
    ids=["no limit", "just before it", "just then", "the operator was away"],
)
def test_the_wait_ends_when_its_time_is_over(limit: int | None, seconds: int, phase: str) -> None:
    later = waits(limit).at(seconds).look_until_quiet()
    assert (later.status.phase, later.jobs) == (phase, [])


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "RewardService judges, which does not exist in this namespace; create it"),
        ([judges_document("False", "3 of 4 are silent")], "RewardService judges: 3 of 4 are silent"),
    ],
)
def test_the_run_that_fails_names_the_service_and_what_it_said_last(services: list[Document], words: str) -> None:
    failed = waits().at(600).where(reward_services=services).look_until_quiet()
    message = f"not Ready within reward.waitSeconds (600 s): {words}"
    assert (failed.run.outcome, failed.run.reason) == ("Failed", "RewardServiceTimeout")
    assert failed.status.message == message
    for kind in ("LastRunSucceeded", "Stalled"):
        assert (failed.condition(kind)[1], failed.message(kind)) == ("RewardServiceTimeout", message)


def test_the_operator_looks_again_at_the_deadline() -> None:
    assert waits().look(590).last.requeue_at == moment(600)


def test_the_wait_is_not_training_and_leaves_the_run_over_for_good() -> None:
    failed = waits().at(600).look_until_quiet()
    late = failed.where(reward_services=[judges_document()]).at(660).look_until_quiet()
    assert late.jobs == []
    assert (late.run.number, late.run.ran_seconds, late.run.waiting_since) == (1, 0, None)


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
    cured = waits().at(600).look_until_quiet().edit(**edit).look_until_quiet()
    assert (cured.run.number, cured.status.phase) == (2, "Pending")


def test_a_limit_that_changes_while_it_waits_counts_from_the_beginning_of_the_wait() -> None:
    limited = waits(None).at(500).edit(reward={"serviceRef": {"name": "judges"}, "waitSeconds": 400})
    ended = limited.look_until_quiet()
    assert (ended.run.number, ended.run.reason) == (1, "RewardServiceTimeout")


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
    waiting = Scenario(reward=reward, retrain={"onSpecChange": "Never"}).look_until_quiet()
    later = waiting.edit(reward=edited).at(600).look_until_quiet()
    message = "not Ready within reward.waitSeconds (60 s): RewardService judges, which does not exist"
    assert (later.run.message or "").startswith(message) == ends


def test_a_limit_set_later_ends_the_wait_of_an_older_recipe_and_the_newest_begins() -> None:
    edited = waits(None, retrain={"onSpecChange": "Wait"}).edit(
        reward={"serviceRef": {"name": "juries"}, "waitSeconds": 60}
    )
    second = edited.where(reward_services=[judges_document(name="juries")]).at(60).look_until_quiet()
    assert (second.run.number, len(second.jobs)) == (2, 1)


def test_each_attempt_has_the_whole_time() -> None:
    suspended = waits().at(500).edit(suspend=True).look_until_quiet()
    assert suspended.run.waiting_since is None
    resumed = suspended.at(1000).edit(suspend=False).look_until_quiet()
    assert (resumed.run.attempt, resumed.status.phase) == (2, "Pending")
    assert resumed.at(1600).look_until_quiet().status.phase == "Failed"


def test_the_wait_for_judges_is_no_time_in_the_queue() -> None:
    waiting = waits(None, limits={"queueSeconds": 60}).at(3600)
    started = waiting.where(reward_services=[judges_document()]).look_until_quiet()
    assert (len(started.jobs), started.status.phase) == (1, "Starting")
    assert started.run.waiting_since is None
    assert started.at(3660).look_until_quiet().run.reason == "QueueTimeout"
