"""Suspension, replacement, moves: an attempt is asked for a checkpoint, goes, and something else follows."""

import json
from typing import Any

import pytest
from support.kubernetes.kube_objects import make_condition
from support.training.cluster_trainings import finished_report
from support.training.scenario import Scenario
from support.training.training_documents import names, spec_document

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT

OTHER_RECIPE: Document = {"optimization": {"maxSteps": 9, "batchSize": 8}}


def live(**spec: Any) -> Scenario:
    """A run whose pod runs."""
    return Scenario(**spec).look_until_quiet().running()


def gone(before: Scenario) -> Scenario:
    """Its pods ended after their checkpoint."""
    return before.pods_end().look(120)


def test_suspending_deletes_the_job_and_rests_once_the_pods_are_gone() -> None:
    stopping = live().edit(suspend=True).look(20)
    waiting = stopping.look(60)
    resting = gone(waiting)

    assert names(stopping.last.delete) == [("PyTorchJob", "demo-1-1")]
    assert (waiting.status.phase, waiting.condition("Suspended")) == ("Stopping", ("False", "Active"))
    assert waiting.last.requeue_at is not None
    assert (resting.status.phase, resting.run.paused) == ("Suspended", True)
    assert (resting.last.requeue_at, resting.look(9000).status) == (None, resting.status)


def test_resuming_goes_on_with_the_next_attempt_of_the_same_run() -> None:
    resumed = gone(live().edit(suspend=True).look(20)).edit(suspend=False).look(500)

    assert (resumed.run.number, resumed.run.attempt, resumed.run.paused) == (1, 2, False)
    assert names(resumed.last.create)[-1] == ("PyTorchJob", "demo-1-2")
    assert resumed.run.failures == {}


def test_suspended_time_does_not_count_as_training() -> None:
    resumed = gone(live().edit(suspend=True).look(20)).edit(suspend=False).look(90_000)

    assert resumed.run.ran_seconds == 110


def test_a_suspension_that_is_taken_back_still_ends_the_attempt_first() -> None:
    regretted = live().edit(suspend=True).look(20).edit(suspend=False)

    assert regretted.look(30).last.create == ()
    assert gone(regretted).look().run.attempt == 2


def test_suspending_while_a_retry_is_due_rests_at_once() -> None:
    resting = Scenario().look_until_quiet().broke().edit(suspend=True).look(61)

    assert (resting.status.phase, resting.run.retry_at) == ("Suspended", None)


def test_suspending_after_the_end_changes_nothing_but_the_phase() -> None:
    done = Scenario().look_until_quiet().trained()
    resting = done.edit(suspend=True).look()

    assert (resting.status.phase, resting.run) == ("Suspended", done.run)
    assert resting.edit(suspend=False).look().status.phase == "Succeeded"


def test_a_run_that_finishes_while_it_is_stopped_has_succeeded() -> None:
    stopping = live().edit(suspend=True).look(20)

    done = gone(stopping.reports(**finished_report(1, 1)))

    assert done.run.outcome == "Succeeded"


def test_another_recipe_stops_the_run_and_starts_the_next() -> None:
    stopping = live().edit(**OTHER_RECIPE).look(20)
    second = gone(stopping)

    assert (stopping.run.number, stopping.status.phase) == (1, "Stopping")
    assert names(stopping.last.delete) == [("PyTorchJob", "demo-1-1")]
    assert (second.run.number, second.run.trigger) == (2, "SpecChange")
    assert (second.status.history[0].phase, second.status.history[0].reason) == ("Interrupted", "Replaced")


def test_a_recipe_that_is_changed_back_while_the_run_stops_starts_the_next_run_all_the_same() -> None:
    first = live()
    regretted = first.edit(**OTHER_RECIPE).look(20).edit(optimization=first.training["spec"]["optimization"])

    assert gone(regretted).run.number == 2


@pytest.mark.parametrize("policy", ["Wait", "Never"])
def test_with_other_policies_another_recipe_leaves_the_run_alone(policy: str) -> None:
    edited = live(retrain={"onSpecChange": policy}).edit(**OTHER_RECIPE).look(20)

    assert (edited.run.stopping, edited.last.delete) == (None, ())
    assert edited.trained().run.number == (2 if policy == "Wait" else 1)


def test_a_recipe_changed_during_suspension_is_trained_after_it() -> None:
    resting = gone(live().edit(suspend=True).look(20))

    resumed = resting.edit(suspend=False, **OTHER_RECIPE).look(500)

    assert (resumed.run.number, resumed.status.history[0].reason) == (2, "Replaced")


def test_other_pods_mean_another_attempt_of_the_same_run() -> None:
    moving = live().edit(compute={"workers": 2}).look(20)
    moved = gone(moving)

    assert moving.run.stopping is not None
    assert moving.run.stopping.reason == "Moved"
    assert (moved.run.number, moved.run.attempt, moved.run.failures) == (1, 2, {})


def test_a_suspension_while_an_attempt_moves_starts_nothing() -> None:
    resting = gone(live().edit(compute={"workers": 2}).look(20).edit(suspend=True))

    assert (resting.last.create, resting.status.phase) == ((), "Suspended")
    assert names(resting.edit(suspend=False).look(500).last.create)[-1] == ("PyTorchJob", "demo-1-2")


def test_another_recipe_while_an_attempt_moves_starts_the_next_run_at_once() -> None:
    replaced = gone(live().edit(compute={"workers": 2}).look(20).edit(**OTHER_RECIPE))

    assert (replaced.run.number, replaced.run.attempt) == (2, 1)


def test_another_address_reaches_the_trainer_with_the_next_attempt() -> None:
    moving = live().edit(checkpoints={"s3": {"uri": "s3://elsewhere"}}).look(20)
    moved = gone(moving)

    assert names(moved.last.delete) == names(moving.run_files)
    assert names(moved.run_files) == names(moved.last.create[:1])
    assert names(moved.last.create)[-1] == ("PyTorchJob", "demo-1-2")
    told = json.loads(moved.last.create[0]["data"]["run.json"])
    assert told["spec"]["checkpoints"]["s3"]["uri"] == "s3://elsewhere"


def test_quantities_spelled_another_way_move_nothing() -> None:
    written = live(compute={"resources": {"limits": {"memory": "1024Mi"}}})

    assert written.edit(compute={"resources": {"limits": {"memory": "1Gi"}}}).look(20).last.delete == ()


@pytest.mark.parametrize("wrong", [{"checkpoints": {"local": {"path": "/tmp"}}}, {"grpo": {"groupSize": 0}}])
def test_a_spec_that_cannot_be_started_stops_no_run(wrong: Document) -> None:
    edited = live().edit(**wrong).look(20)

    assert (edited.run.stopping, edited.last.delete) == (None, ())
    assert edited.status.phase == "Running"
    assert edited.condition("Stalled")[0] == "True"


def test_a_retry_waits_for_a_spec_that_can_be_started() -> None:
    retrying = Scenario().look_until_quiet().broke().edit(checkpoints={"local": {"path": "/tmp"}})
    held = retrying.look(100)
    mended = held.edit(checkpoints=spec_document()["checkpoints"]).look(110)

    assert (held.last.create, held.status.phase) == ((), "Invalid")
    assert names(mended.last.create)[-1] == ("PyTorchJob", "demo-1-2")


def test_a_crash_between_the_decision_to_stop_and_the_deletion_is_made_good() -> None:
    crashed = live().edit(suspend=True).look(20, crash_after=1)

    assert names(crashed.look(21).last.delete) == [("PyTorchJob", "demo-1-1")]


def test_a_job_that_runs_without_being_the_newest_attempt_is_deleted() -> None:
    done = Scenario().look_until_quiet().trained()
    (job,) = done.jobs
    labels = {**job["metadata"]["labels"], ATTEMPT: "7"}
    stray = {**job, "metadata": {**job["metadata"], "name": "demo-1-7", "labels": labels}}
    stray["status"] = {"conditions": [make_condition("Running")]}

    assert names(done.put(stray).look().last.delete) == [("PyTorchJob", "demo-1-7")]
