"""What the operator knows again when the status is lost or unreadable."""

import hashlib
import json

import pytest
from support.kubernetes.kube_objects import make_condition
from support.training.scenario import Scenario
from support.training.training_documents import names

from atlas_operator.cluster.document import Document
from atlas_operator.objects.names import run_file_name


def test_a_lost_status_goes_on_with_the_run_that_the_children_tell_of() -> None:
    started = Scenario().look_until_quiet().running()
    known = started.run

    again = started.lose_status().look(20)

    assert again.last.create == ()
    assert again.last.delete == ()
    same = {"number", "attempt", "spec_hash", "placement_hash", "job", "job_uid", "started_at", "running_at"}
    assert again.run.model_dump(include=same) == known.model_dump(include=same)


@pytest.mark.parametrize("status", [{"run": "odd"}, {"phase": "Dancing"}, {"later": {"version": 2}}])
def test_an_unreadable_status_counts_as_lost(status: Document) -> None:
    started = Scenario().look_until_quiet().running()

    again = started.lose_status(status).look(20)

    assert (again.run.number, again.run.attempt, again.last.create) == (1, 1, ())


def test_a_lost_status_goes_on_with_the_newest_attempt() -> None:
    second = Scenario().look_until_quiet().broke().look(100).look_until_quiet()

    assert second.lose_status().look().run.attempt == 2


def test_a_success_is_seen_again() -> None:
    done = Scenario().look_until_quiet().trained()

    again = done.lose_status().look_until_quiet()

    assert (again.run.outcome, again.run.number, again.status.model) == ("Succeeded", 1, done.status.model)


def test_a_failure_is_judged_again_and_starts_no_other_run() -> None:
    again = Scenario().look_until_quiet().failed().lose_status().look_until_quiet()

    assert (again.run.outcome, again.run.number) == ("Failed", 1)


def test_a_lost_status_answers_no_annotation_twice() -> None:
    done = Scenario().annotate("last year").look_until_quiet().trained()

    assert done.lose_status().look_until_quiet().run.number == 1


def test_a_suspended_run_rests_again() -> None:
    started = Scenario().look_until_quiet().running()
    resting = started.edit(suspend=True).look(20).pods_end().look(30)

    again = resting.lose_status().look(40)

    assert (again.status.phase, again.run.number, again.last.create) == ("Suspended", 1, ())


def test_a_job_that_nobody_can_place_is_stopped_when_the_training_is_suspended() -> None:
    started = Scenario().look_until_quiet().running()

    lost = started.without("ConfigMap").lose_status().edit(suspend=True).look(20)

    assert names(lost.last.delete) == [("PyTorchJob", "demo-1-1")]


def test_a_job_that_nobody_can_place_ends_before_a_new_run_starts() -> None:
    started = Scenario().look_until_quiet().running()

    lost = started.without("ConfigMap").lose_status().look(20)

    assert (lost.run.number, lost.last.create) == (2, ())
    assert names(lost.last.delete) == [("PyTorchJob", "demo-1-1")]
    assert lost.look(30).last.create == ()
    assert names(lost.pods_end().look(60).last.create)[-1] == ("PyTorchJob", "demo-2-1")


def test_a_run_file_from_before_a_new_rule_is_still_read() -> None:
    started = Scenario(retrain={"onSpecChange": "Wait"}).look_until_quiet()
    edited = started.edit(optimization={"maxSteps": 9, "batchSize": 8})
    (run_file,) = edited.run_files
    recipe = run_file["data"]["run.json"].replace('"batchSize": 8', '"batchSize": 7')
    named = run_file_name("demo", 1, hashlib.sha256(recipe.encode()).hexdigest()[:10])
    of_before = {**run_file, "metadata": {**run_file["metadata"], "name": named}, "data": {"run.json": recipe}}

    second = edited.without("ConfigMap").put(of_before).broke().look(100)

    assert second.run.outcome is None
    assert '"batchSize": 7' in second.last.create[0]["data"]["run.json"]


def test_the_largest_status_stays_below_32_kb() -> None:
    address = {"uri": "/" + "c" * 1000, "step": 1, "sha256": "ab" * 32}
    metrics = {f"{'m' * 60}{number}": 0.1 + number for number in range(40)}
    report = {"metrics": metrics, "checkpoints": {"latest": address, "best": address}}
    story = Scenario(historyLimit=50)
    for number in range(60):
        started = story.annotate(f"run {number}").look_until_quiet().running(at=1000 * number)
        story = started.reports(**report).look().trained(1000 * number + 60, **report)
    document = story.training["status"]

    assert len(json.dumps(document).encode()) < 32_000
    assert document["history"][0]["run"] == 59
    assert len(document["history"]) > 20


def test_an_attempt_number_is_never_given_twice() -> None:
    first = Scenario().look_until_quiet()
    stray = first.pod(phase="Succeeded", attempt=5)

    retrying = first.put(stray).at(60).job_is(make_condition("Failed", at=60)).look()

    assert retrying.look(100).run.attempt == 6
