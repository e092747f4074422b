"""What keeps strangers from pods that train together is made, and made in time."""

import pytest
from support.kubernetes.kube_objects import BEGIN
from support.training.scenario import Scenario
from support.training.training_documents import names

from atlas_operator.cluster.document import Document
from atlas_operator.status.preconditions import FailedPrecondition

TOGETHER: Document = {"workers": 2}
SECRET = ("Secret", "demo-1-1-join")


def test_the_policy_is_there_before_the_job() -> None:
    made = names(Scenario(compute=TOGETHER).look().last.create)
    assert made.index(("NetworkPolicy", "demo-1")) < made.index(("PyTorchJob", "demo-1-1"))


def test_the_secret_follows_the_job_which_owns_it() -> None:
    first = Scenario(compute=TOGETHER).look()
    assert SECRET not in names(first.last.create)
    assert names(first.look().last.create) == [SECRET]


def test_the_secret_is_made_again_until_all_pods_run_since_nobody_can_ask_whether_it_is_there() -> None:
    waiting = Scenario(compute=TOGETHER).look_until_quiet()
    assert names(waiting.look(30).last.create) == [SECRET]
    assert names(waiting.running(at=40).look(60).last.create) == []


def test_the_next_attempt_has_a_secret_of_its_own() -> None:
    broke = Scenario(compute=TOGETHER).look_until_quiet().running().broke(60)
    assert broke.run.retry_at is not None
    again = broke.at((broke.run.retry_at - BEGIN).total_seconds()).look()
    assert again.run.attempt == 2
    assert names(again.look().last.create) == [("Secret", "demo-1-2-join")]


def test_a_refused_secret_is_not_planned_where_the_refusal_is_told() -> None:
    refused = FailedPrecondition("Refused", "the operator may not create secrets", final=False)
    waiting = Scenario(compute=TOGETHER).look().look(apply_error=refused)
    assert waiting.last.create == ()
    assert any("may not create secrets" in each.message for each in waiting.status.conditions)


@pytest.mark.parametrize("compute", [{}, {"workers": 1, "gpusPerWorker": 0}])
def test_a_process_alone_needs_neither(compute: Document) -> None:
    first = Scenario(compute=compute).look()
    made = names(first.last.create) + names(first.look().last.create)
    assert not {"NetworkPolicy", "Secret"} & {kind for kind, _ in made}
