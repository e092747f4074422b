"""What the operator knows again when the status is lost or unreadable."""

import json

import pytest
from support.kubernetes.kube_objects import make_condition
from support.training.plans import Scene, broke, failed, names, pod_of, reported, running, scene, trained, with_job

from atlas_operator.cluster.document import Document


def test_a_lost_status_goes_on_with_the_run_that_the_children_tell_of() -> None:
    started = running(scene().look_until_quiet())
    known = started.run

    again = started.without_status().look(20)

    assert again.last.create == ()
    assert again.last.delete == ()
    same = {"number", "attempt", "spec_hash", "placement_hash", "job", "job_uid", "started_at", "running_at"}
    assert again.run.model_dump(include=same) == known.model_dump(include=same)


@pytest.mark.parametrize("status", [{"run": "odd"}, {"phase": "Dancing"}, {"later": {"version": 2}}])
def test_an_unreadable_status_counts_as_lost(status: Document) -> None:
    started = running(scene().look_until_quiet())

    again = started.see(training={**started.observed.training, "status": status}).look(20)

    assert (again.run.number, again.run.attempt, again.last.create) == (1, 1, ())


def test_a_lost_status_goes_on_with_the_newest_attempt() -> None:
    second = broke(scene().look_until_quiet()).look(100).look_until_quiet()

    assert second.without_status().look().run.attempt == 2


def test_a_success_is_seen_again() -> None:
    done = trained(scene().look_until_quiet())

    again = done.without_status().look_until_quiet()

    assert (again.run.outcome, again.run.number, again.status.model) == ("Succeeded", 1, done.status.model)


def test_a_failure_is_judged_again_and_starts_no_other_run() -> None:
    again = failed(scene().look_until_quiet()).without_status().look_until_quiet()

    assert (again.run.outcome, again.run.number) == ("Failed", 1)


def test_a_lost_status_answers_no_annotation_twice() -> None:
    done = trained(scene(retrain_at="last year").look_until_quiet())

    assert done.without_status().look_until_quiet().run.number == 1


def test_a_suspended_run_rests_again() -> None:
    started = running(scene().look_until_quiet())
    resting = started.edit(suspend=True).look(20).look(30)

    again = resting.without_status().look(40)

    assert (again.status.phase, again.run.number, again.last.create) == ("Suspended", 1, ())


def test_a_job_that_nobody_can_place_is_stopped_when_the_training_is_suspended() -> None:
    started = running(scene().look_until_quiet())

    lost = started.see(config_maps=()).without_status().edit(suspend=True).look(20)

    assert names(lost.last.delete) == [("PyTorchJob", "demo-1-1")]


def test_a_job_that_nobody_can_place_ends_before_a_new_run_starts() -> None:
    started = running(scene().look_until_quiet())

    lost = started.see(config_maps=(), pods=(pod_of(started),)).without_status().look(20)

    assert (lost.run.number, lost.last.create) == (2, ())
    assert names(lost.last.delete) == [("PyTorchJob", "demo-1-1")]
    assert lost.look(30).last.create == ()
    assert names(lost.see(pods=()).look(60).last.create)[-1] == ("PyTorchJob", "demo-2-1")


def test_a_run_file_from_before_a_new_rule_is_still_read() -> None:
    started = scene(retrain={"onSpecChange": "Wait"}).look_until_quiet()
    edited = started.edit(optimization={"maxSteps": 9, "batchSize": 8})
    maps = tuple(_with_batches_of_seven(found) for found in edited.observed.config_maps)

    second = broke(edited.see(config_maps=maps)).look(100)

    assert second.run.outcome is None
    assert '"batchSize": 7' in second.last.create[0]["data"]["run.json"]


def _with_batches_of_seven(found: Document) -> Document:
    if "run.json" not in found.get("data", {}):
        return found
    return {**found, "data": {"run.json": found["data"]["run.json"].replace('"batchSize": 8', '"batchSize": 7')}}


def test_the_largest_status_stays_below_32_kb() -> None:
    address = {"uri": "/" + "c" * 1000, "step": 1, "sha256": "ab" * 32}
    metrics = {f"{'m' * 60}{number}": 0.1 + number for number in range(40)}
    story: Scene = scene(historyLimit=50)
    for number in range(60):
        started = running(story.annotate(f"run {number}").look_until_quiet(), at=1000 * number)
        told = reported(started, metrics=metrics, checkpoints={"latest": address, "best": address}).look()
        story = trained(told, 1000 * number + 60)
    document = story.observed.training["status"]

    assert len(json.dumps(document).encode()) < 32_000
    assert document["history"][0]["run"] == 59
    assert len(document["history"]) > 20


def test_an_attempt_number_is_never_given_twice() -> None:
    first = with_job(scene().look_until_quiet(), make_condition("Failed", at=60))
    stray = pod_of(first, "Succeeded", attempt=5)

    retrying = first.see(pods=(stray,)).look(60)

    assert retrying.look(100).run.attempt == 6
