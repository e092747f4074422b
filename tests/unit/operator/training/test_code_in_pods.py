"""Verifiers that run completions as code: only where the operator was started with --allow-code."""

from support.training.cluster_trainings import condition
from support.training.training_life import Life

from atlas_operator.cluster.document import Document

CODE = {"verifiers": [{"name": "tests", "code": {}}]}
ALLOWED = {"name": "ATLAS_ALLOW_CODE", "value": "1"}


def training(allow_code: bool, **spec: Document) -> Life:
    life = Life(**spec)
    life.allow_code = allow_code
    return life.settle()


def environment(life: Life) -> list[Document]:
    (job,) = life.jobs
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"]
    found: list[Document] = container["env"]
    return found


def test_a_training_that_may_not_run_code_is_refused_in_words_that_name_the_cure() -> None:
    life = training(False, reward=CODE)
    accepted = condition(life.training, "Accepted")
    assert (life.jobs, accepted["status"], accepted["reason"]) == ([], "False", "CodeNotAllowed")
    assert accepted["message"] == (
        "reward.verifiers: tests runs completions as code, and the operator was started without --allow-code;"
        " allow it there, or remove the verifier"
    )


def test_where_it_is_allowed_the_pods_are_told_so() -> None:
    assert ALLOWED in environment(training(True, reward=CODE))


def test_where_it_is_not_allowed_no_pod_may_whatever_its_verifiers() -> None:
    assert ALLOWED not in environment(training(False))


def test_a_run_that_trains_goes_on_when_code_is_no_longer_allowed_and_no_other_begins() -> None:
    life = training(True, reward=CODE).trains()
    life.allow_code = False
    assert condition(life.settle().training, "Running")["status"] == "True"
    assert condition(life.training, "Accepted")["reason"] == "CodeNotAllowed"
    life.ends(137)
    assert (life.run["number"], life.run["attempt"]) == (1, 1)
