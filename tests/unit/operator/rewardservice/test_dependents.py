"""A RewardService that answers wakes the trainings that wait for one, and nobody else."""

import pytest
from support.training.scenario import Scenario
from support.training.training_documents import judges_document

from atlas_operator.cluster.document import Document, Key
from atlas_operator.rewardservice.dependents import Dependents

JUDGES = Key("agents", "judges", "RewardService")
REFUNDS = Key("agents", "refunds")


def judged() -> Scenario:
    """A training that waits for its service."""
    return Scenario(reward={"serviceRef": {"name": "judges"}}).look_until_quiet()


def told_of(*trainings: tuple[Key, Document]) -> Dependents:
    dependents = Dependents()
    for key, document in trainings:
        dependents.update(key, document)
    return dependents


def test_a_service_that_turns_ready_wakes_every_training_of_its_namespace_that_waits() -> None:
    elsewhere, voice = Key("others", "refunds"), Key("agents", "voice")
    document = judged().training
    dependents = told_of((voice, document), (REFUNDS, document), (elsewhere, document))
    assert dependents.woken_by(JUDGES, judges_document()) == [REFUNDS, voice]


@pytest.mark.parametrize(
    "service",
    [
        judges_document("False", "no pod answers"),
        judges_document(observedGeneration=1),
        judges_document(url=""),
        {"metadata": {"name": "judges", "generation": 1}},
    ],
    ids=["silent", "not seen yet", "without an address", "new"],
)
def test_a_service_that_may_not_be_used_wakes_nobody(service: Document) -> None:
    assert told_of((REFUNDS, judged().training)).woken_by(JUDGES, service) == []


@pytest.mark.parametrize(
    "status", [{}, {"observedGeneration": -1}, {"run": {"number": 1}}, {"run": None}, {"run": "odd"}]
)
def test_a_training_that_does_not_wait_is_left_alone(status: Document) -> None:
    training = {**judged().training, "status": status}
    assert told_of((REFUNDS, training)).woken_by(JUDGES, judges_document()) == []


def test_a_training_that_went_on_or_is_gone_is_forgotten() -> None:
    story = judged()
    dependents = told_of((REFUNDS, story.training), (Key("agents", "voice"), story.training))
    started = story.where(reward_services=[judges_document()]).look_until_quiet()
    dependents.update(REFUNDS, started.training)
    dependents.forget(Key("agents", "voice"))
    assert dependents.woken_by(JUDGES, judges_document()) == []
