"""When a run begins, what it consists of, and what it leaves behind."""

import re

import pytest
from support.kubernetes.kube_objects import after
from support.training.cluster_trainings import finished_report
from support.training.scenario import Scenario
from support.training.training_documents import names

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import RUN


def test_a_new_training_starts_its_first_run() -> None:
    first = Scenario().look()

    assert (first.run.number, first.run.attempt, first.run.trigger) == (1, 1, "Created")
    (_, run_file), *others = names(first.last.create)
    assert re.fullmatch("demo-1-[0-9a-f]{10}", run_file)
    assert others == [
        ("ConfigMap", "demo-1-progress"),
        ("ServiceAccount", "demo-1"),
        ("Role", "demo-1"),
        ("RoleBinding", "demo-1"),
        ("PyTorchJob", "demo-1-1"),
    ]
    assert first.run.job == "demo-1-1"
    assert [note.reason for note in first.last.events] == ["RunStarted"]


def test_a_crash_before_the_children_are_made_loses_nothing() -> None:
    first = Scenario().look()
    crashed = Scenario().look(crash_after=1)

    again = crashed.look()

    assert names(again.last.create) == names(first.last.create)
    assert again.run == first.run


def test_a_look_at_what_did_not_change_does_nothing() -> None:
    quiet = Scenario().look_until_quiet()

    again = quiet.look(5)

    assert (again.status, again.last.create, again.last.delete, again.last.events) == (quiet.status, (), (), ())


def test_a_run_that_succeeded_has_a_model_and_is_over() -> None:
    done = Scenario().look_until_quiet().trained()

    assert (done.run.outcome, done.status.phase, done.status.run) == ("Succeeded", "Succeeded", done.run)
    assert done.status.model is not None
    assert done.status.model.uri == finished_report(1, 1)["model"]["uri"]
    assert (done.last.create, done.last.delete, done.last.requeue_at) == ((), (), None)


@pytest.mark.parametrize("edit", [{"historyLimit": 3}, {"readyWhen": "Succeeded"}, {"compute": {"workers": 2}}])
def test_edits_that_change_no_model_start_nothing_after_success(edit: Document) -> None:
    after_edit = Scenario().look_until_quiet().trained().edit(**edit).look()

    assert (after_edit.run.number, after_edit.last.create) == (1, ())


def test_another_recipe_after_success_starts_the_next_run_and_sweeps_the_last() -> None:
    trained = Scenario().look_until_quiet().trained()

    second = trained.edit(optimization={"maxSteps": 8, "batchSize": 8}).look()

    assert (second.run.number, second.run.trigger) == (2, "SpecChange")
    earlier = second.status.history[0]
    assert (earlier.phase, earlier.attempts, earlier.spec_hash) == ("Succeeded", 1, trained.run.spec_hash)
    assert earlier.model is not None
    assert earlier.model.run == earlier.run
    assert names(second.last.delete) == [
        ("PyTorchJob", "demo-1-1"),
        ("ConfigMap", "demo-1-progress"),
        ("NetworkPolicy", "demo-1"),
        ("RoleBinding", "demo-1"),
        ("Role", "demo-1"),
        ("ServiceAccount", "demo-1"),
        *names(trained.run_files),
    ]


def test_with_never_another_recipe_starts_nothing_but_the_annotation_does() -> None:
    done = Scenario(retrain={"onSpecChange": "Never"}).look_until_quiet().trained()
    edited = done.edit(optimization={"maxSteps": 8, "batchSize": 8}).look()
    asked = edited.annotate("today").look()

    assert edited.run.number == 1
    assert (asked.run.number, asked.run.trigger, asked.status.last_handled_retrain_at) == (2, "RetrainAt", "today")


def test_an_annotation_is_answered_once() -> None:
    asked = Scenario().annotate("today").look_until_quiet().trained()

    assert asked.look().run.number == 1
    assert asked.status.last_handled_retrain_at == "today"


def test_an_annotation_longer_than_the_status_has_room_for_is_answered_once() -> None:
    done = Scenario().look_until_quiet().trained().annotate("x" * 5000).look()

    assert done.run.number == 2
    assert done.look_until_quiet().trained().look().run.number == 2


@pytest.mark.parametrize(
    ("edit", "number"),
    [
        ({"compute": {"image": "example.test/mended:2"}}, 2),
        ({"limits": {"startSeconds": 3600}}, 2),
        ({"checkpoints": {"s3": {"uri": "s3://elsewhere"}}}, 2),
        ({"historyLimit": 3}, 1),
    ],
)
def test_after_a_failure_what_may_be_the_cure_starts_another_run(edit: Document, number: int) -> None:
    assert Scenario().look_until_quiet().failed().edit(**edit).look().run.number == number


def test_a_failed_run_stays_as_it_is() -> None:
    over = Scenario().look_until_quiet().failed()

    assert (over.run.outcome, over.status.phase, over.last.requeue_at) == ("Failed", "Failed", None)
    assert over.look(100_000).status == over.status


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"checkpoints": {"local": {"path": "/tmp"}}}, "LocalCheckpoints"),
        ({"reward": {"verifiers": [{"name": "tests", "code": {}}]}}, "CodeNotAllowed"),
        ({"grpo": {"groupSize": "many"}}, "InvalidSpec"),
    ],
)
def test_a_spec_that_cannot_be_started_starts_nothing(spec: Document, reason: str) -> None:
    refused = Scenario(**spec).look()

    assert (refused.status.run, refused.status.phase, refused.last.create) == (None, "Invalid", ())
    assert refused.condition("Stalled") == ("True", reason)


def test_without_any_image_nothing_starts() -> None:
    assert Scenario().where(default_image=None).look().condition("Accepted") == ("False", "ImageMissing")


def test_while_no_pytorchjobs_are_served_a_run_waits_and_looks_again() -> None:
    waiting = Scenario().where(backend_served=False).look()

    assert (waiting.status.run, waiting.status.phase) == (None, "Pending")
    assert waiting.condition("Reconciling") == ("True", "BackendMissing")
    assert waiting.last.requeue_at is not None
    assert waiting.where(backend_served=True).look().run.number == 1


def test_a_child_that_the_api_server_refuses_shows_in_the_status_and_is_tried_again() -> None:
    refused = Scenario().where(refused="PyTorchJob").look()

    assert refused.last.create == ()
    assert refused.last.requeue_at is not None
    assert refused.condition("Accepted")[1] == "Refused"
    assert names(refused.where(refused=None).look().last.create)[-1] == ("PyTorchJob", "demo-1-1")


def test_a_training_that_starts_suspended_has_no_run() -> None:
    resting = Scenario(suspend=True).look()

    assert (resting.status.run, resting.status.phase, resting.last.create) == (None, "Suspended", ())
    assert resting.edit(suspend=False).look().run.number == 1


def test_nothing_is_planned_for_a_training_that_is_being_deleted() -> None:
    applied = Scenario()
    metadata = {**applied.training["metadata"], "deletionTimestamp": after(0)}

    assert applied.put({**applied.training, "metadata": metadata}).look().last.status is None


def test_a_run_never_takes_a_number_that_children_of_an_earlier_training_have() -> None:
    made_anew = Scenario().look_until_quiet().at(100).apply_anew()

    first = made_anew.look()

    assert (first.run.number, first.run.trigger, first.last.create) == (2, "Created", ())
    assert first.condition("Running") == ("False", "Waiting")
    assert names(first.pods_end().look().last.create)[-1] == ("PyTorchJob", "demo-2-1")


def test_a_training_that_is_applied_anew_with_another_recipe_reads_no_run_file_of_before() -> None:
    before = Scenario().look_until_quiet()
    anew = before.at(100).apply_anew(optimization={"maxSteps": 500}).pods_end().look()

    assert anew.run.number == 1
    assert not {*names(before.run_files)} & {*names(anew.last.create)}


def test_labels_that_a_trainer_changed_on_its_progress_map_move_no_numbers() -> None:
    running = Scenario().look_until_quiet()
    (progress,) = (found for found in running.config_maps if found["metadata"]["name"] == "demo-1-progress")
    relabelled = {**progress, "metadata": {**progress["metadata"], "labels": {RUN: "999"}}}

    done = running.put(relabelled).failed()

    assert done.edit(limits={}).look().run.number == 2


@pytest.mark.parametrize(("limit", "kept"), [(0, []), (1, [3]), (50, [3, 2, 1])])
def test_the_history_is_as_long_as_asked_for(limit: int, kept: list[int]) -> None:
    story = Scenario(historyLimit=limit)
    for number in range(1, 5):
        story = story.annotate(f"run {number}").look_until_quiet().trained()

    assert [entry.run for entry in story.status.history] == kept


def test_a_lower_limit_shortens_the_history_at_once() -> None:
    story = Scenario()
    for number in range(1, 5):
        story = story.annotate(str(number)).look_until_quiet().trained()
    assert [entry.run for entry in story.edit(historyLimit=1).look().status.history] == [3]
