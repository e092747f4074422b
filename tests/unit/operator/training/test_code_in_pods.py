"""Verifiers that run completions as code: only where the operator was started with --allow-code."""

from support.training.scenario import Scenario

from atlas_operator.cluster.document import Document

CODE = {"verifiers": [{"name": "tests", "code": {}}]}
ALLOWED = {"name": "ATLAS_ALLOW_CODE", "value": "1"}


def training(allow_code: bool, **spec: Document) -> Scenario:
    return Scenario(**spec).where(allow_code=allow_code).look_until_quiet()


def environment(started: Scenario) -> list[Document]:
    (job,) = started.jobs
    (container,) = job["spec"]["pytorchReplicaSpecs"]["Master"]["template"]["spec"]["containers"]
    found: list[Document] = container["env"]
    return found


def test_a_training_that_may_not_run_code_is_refused_in_words_that_name_the_cure() -> None:
    refused = training(False, reward=CODE)
    assert (refused.jobs, refused.condition("Accepted")) == ([], ("False", "CodeNotAllowed"))
    assert refused.message("Accepted") == (
        "reward.verifiers: tests runs completions as code, and the operator was started without --allow-code;"
        " allow it there, or remove the verifier"
    )


def test_where_it_is_allowed_the_pods_are_told_so() -> None:
    assert ALLOWED in environment(training(True, reward=CODE))


def test_where_it_is_not_allowed_no_pod_may_whatever_its_verifiers() -> None:
    assert ALLOWED not in environment(training(False))


def test_a_run_that_trains_goes_on_when_code_is_no_longer_allowed_and_no_other_begins() -> None:
    started = training(True, reward=CODE).running()
    forbidden = started.where(allow_code=False).look_until_quiet()
    assert forbidden.condition("Running")[0] == "True"
    assert forbidden.condition("Accepted")[1] == "CodeNotAllowed"
    ended = forbidden.ends(137).look_until_quiet()
    assert (ended.run.number, ended.run.attempt) == (1, 1)
