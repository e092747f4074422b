"""What carries a training's labels and is not its own: left alone, not believed, and told. Labels prove nothing."""

import copy
import hashlib
import json

import pytest
from support.kubernetes.kube_objects import make_condition, make_job, make_pod, moment
from support.training.cluster_trainings import finished_report
from support.training.scenario import Scenario
from support.training.training_documents import IMAGE, names

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.labels import ATTEMPT, RUN, TRAINING
from atlas_operator.objects.names import run_file_name
from atlas_operator.training.plan import plan

ANOTHER = "uid-of-another"
OWNERS: dict[str, list[Document]] = {
    "nobody": [],
    "another training": [{"kind": "AtlasTraining", "name": "other", "uid": ANOTHER, "controller": True}],
    "a training of an earlier name": [{"kind": "AtlasTraining", "name": "demo", "uid": ANOTHER, "controller": True}],
    "a workflow": [{"kind": "Workflow", "name": "demo", "uid": ANOTHER, "controller": True}],
    "a workflow, beside the training": [
        {"kind": "AtlasTraining", "name": "demo", "uid": "uid-1"},
        {"kind": "Workflow", "name": "demo", "uid": ANOTHER, "controller": True},
    ],
    "the training, which does not control it": [{"kind": "AtlasTraining", "name": "demo", "uid": "uid-1"}],
}
STATES: dict[str, list[Document]] = {
    "unseen": [],
    "running": [make_condition("Running")],
    "failed": [make_condition("Failed")],
    "succeeded": [make_condition("Succeeded")],
}


def owned(document: Document, owner: str, **labels: str) -> Document:
    """*document* with one of `OWNERS` and the training's labels."""
    found = copy.deepcopy(document)
    found["metadata"] |= {"ownerReferences": OWNERS[owner], "uid": f"uid-of-{found['metadata']['name']}"}
    found["metadata"].setdefault("labels", {}).update({TRAINING: "demo", **labels})
    return found


def stranger(owner: str, state: str, run: str = "1", attempt: str = "1") -> Document:
    return owned(make_job(*STATES[state], name="theirs", active=1), owner, **{RUN: run, ATTEMPT: attempt})


def config_map(name: str, **data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "agents"}, "data": data}


@pytest.fixture(scope="module")
def second_run() -> Scenario:
    """The second run of a training runs; the first ended well."""
    first = Scenario().look_until_quiet().running().trained()
    return first.annotate("again").look_until_quiet().running(at=100)


@pytest.mark.parametrize("place", [("0", "0"), ("1", "1"), ("2", "1"), ("2", "2"), ("9", "9"), ("x", "-1")], ids=str)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("owner", OWNERS)
def test_a_job_of_somebody_else_is_never_deleted_and_is_no_attempt(
    second_run: Scenario, owner: str, state: str, place: tuple[str, str]
) -> None:
    beside = second_run.at(110).put(stranger(owner, state, *place))
    decided = plan(beside.cluster.observed(beside.training), IMAGE, moment(110))

    assert decided == second_run.look(110).last
    assert (decided.create, decided.delete) == ((), ())


@pytest.mark.parametrize("state", ["unseen", "running"])
@pytest.mark.parametrize("owner", [owner for owner in OWNERS if owner != "a training of an earlier name"])
def test_an_attempt_waits_for_a_strange_job_that_may_write_and_says_what_to_do(owner: str, state: str) -> None:
    waiting = Scenario().put(stranger(owner, state)).look_until_quiet()

    assert waiting.last.create == ()
    said = "waiting for PyTorchJob theirs to end, which carries the label atlas.arc.computer/training and belongs to"
    assert said in waiting.message("Running")
    assert "delete it, or take the label away" in waiting.message("Running")
    going_on = waiting.without("PyTorchJob", "theirs").look(60)
    assert names(going_on.last.create)[-1] == ("PyTorchJob", "demo-2-1")


def test_a_strange_job_is_told_once_when_a_run_begins() -> None:
    first = Scenario().put(stranger("a workflow", "failed")).look()
    assert [(event.type, event.reason) for event in first.last.events] == [
        ("Normal", "RunStarted"),
        ("Warning", "NotOurs"),
    ]
    assert "PyTorchJob theirs carries the label" in first.last.events[1].message
    assert first.look().last.events == ()


def test_what_an_earlier_training_of_the_name_left_is_waited_for_and_goes_by_itself() -> None:
    waiting = Scenario().put(stranger("a training of an earlier name", "running")).look_until_quiet()

    assert "waiting for theirs, of an earlier attempt, to end" in waiting.message("Running")
    assert (waiting.last.create, waiting.last.delete) == ((), ())
    assert [event.reason for event in waiting.last.events if event.reason == "NotOurs"] == []


@pytest.mark.parametrize("owner", OWNERS)
def test_the_model_of_a_pod_that_is_not_of_the_job_is_not_believed(owner: str) -> None:
    started = Scenario().look_until_quiet().running()
    said = {"name": "pytorch", "state": {"terminated": {"exitCode": 0, "message": json.dumps(finished_report(1, 1))}}}
    forged = make_pod(phase="Succeeded", role="master", containers=[said])
    forged["metadata"]["name"] = "forged"
    looked = started.put(owned(forged, owner, **{RUN: "1", ATTEMPT: "1"})).ends(48).look(60)

    assert looked.run.outcome is None
    assert looked.status.model is None
    assert looked.run.failures == {"infrastructure": 1}


def test_a_strange_pod_that_runs_is_waited_for_before_the_next_attempt() -> None:
    started = Scenario().look_until_quiet().running()
    theirs = make_pod(phase="Running", node="node-1")
    theirs["metadata"]["name"] = "theirs"
    strange = owned(theirs, "a workflow", **{RUN: "1", ATTEMPT: "1"})
    waiting = started.broke().put(strange).look(100)

    assert (waiting.last.create, waiting.last.delete) == ((), ())
    assert "waiting for theirs, of an earlier attempt, to end" in waiting.message("Running")


@pytest.mark.parametrize("owner", [owner for owner in OWNERS if owner != "nobody"])
def test_the_report_in_a_config_map_of_somebody_else_is_not_believed(owner: str) -> None:
    started = Scenario().look_until_quiet().running()
    forged = config_map("demo-1-progress", report=json.dumps(finished_report(1, 1)))
    looked = started.put(owned(forged, owner, **{RUN: "1"})).ends().look(60)

    assert looked.status.model is None
    assert looked.run.reason == "MarkerMissing"
    assert looked.last.delete == ()


@pytest.mark.parametrize("owner", OWNERS)
def test_a_recipe_in_a_config_map_of_somebody_else_is_not_trained(owner: str) -> None:
    waiting = Scenario(retrain={"onSpecChange": "Wait"}).look_until_quiet().running()
    (own,) = waiting.run_files
    recipe = own["data"]["run.json"].replace('"maxSteps": 4', '"maxSteps": 4000')
    forged = config_map(
        run_file_name("demo", 1, hashlib.sha256(recipe.encode()).hexdigest()[:10]), **{"run.json": recipe}
    )
    forged["metadata"]["creationTimestamp"] = "2027-01-01T00:00:00Z"
    edited = waiting.edit(optimization={"maxSteps": 9, "batchSize": 8})
    second = edited.put(owned(forged, owner, **{RUN: "1"})).broke().look(100)

    assert second.run.attempt == 2
    assert '"maxSteps": 4,' in second.last.create[0]["data"]["run.json"]
    assert forged["metadata"]["name"] not in [name for _, name in names(second.last.delete)]


@pytest.mark.parametrize("run", ["0", "1", "2"])
@pytest.mark.parametrize("owner", OWNERS)
def test_config_maps_of_somebody_else_are_not_swept(second_run: Scenario, owner: str, run: str) -> None:
    theirs = [owned(config_map(f"{name}-{run}"), owner, **{RUN: run}) for name in ("mine", "demo")]
    looked = second_run.put(*theirs).look(110)

    assert not {name for _, name in names(looked.last.delete)} & {each["metadata"]["name"] for each in theirs}


@pytest.mark.parametrize("number", ["100000", "999999999", "9" * 20, "9" * 63])
def test_a_number_that_no_name_could_hold_is_not_counted_on(number: str) -> None:
    theirs = owned(make_pod(phase="Succeeded"), "nobody", **{RUN: number, ATTEMPT: number})
    jobs = stranger("nobody", "failed", number, number)
    started = Scenario().put(theirs, jobs).look()

    assert names(started.last.create)[-1] == ("PyTorchJob", "demo-1-1")


def test_labels_that_others_write_make_no_name_too_long() -> None:
    theirs = owned(make_pod(phase="Succeeded"), "nobody", **{RUN: "99999", ATTEMPT: "99999"})
    started = Scenario().put(theirs).look_until_quiet()

    assert started.run.number == 100_000
    assert started.running().trained().status.phase == "Succeeded"


def test_a_progress_map_that_became_immutable_is_made_anew_and_reports_count_again() -> None:
    started = Scenario().look_until_quiet().running()
    stuck = {**started.cluster.store.objects["ConfigMap", "demo-1-progress"], "immutable": True}
    looked = started.put(stuck).look(20)
    assert names(looked.last.delete) == [("ConfigMap", "demo-1-progress")]
    again = looked.look(21)
    assert names(again.last.create) == [("ConfigMap", "demo-1-progress")]
    assert "immutable" not in again.cluster.store.objects["ConfigMap", "demo-1-progress"]
    told = again.reports(progress={"step": 3, "maxSteps": 4, "percent": 75, "updatedAt": "2026-11-23T09:00:22Z"}).look(
        23
    )
    assert told.status.progress is not None
    assert (told.status.progress.step, told.last.delete) == (3, ())


def test_a_time_that_is_to_come_is_no_sign_of_life() -> None:
    started = Scenario(limits={"stallSeconds": 300}).look_until_quiet().running(at=10)
    liar = copy.deepcopy(started.cluster.store.objects["ConfigMap", "demo-1-progress"])
    liar["metadata"]["managedFields"] = [{"manager": "trainer", "time": "2099-01-01T00:00:00Z"}]
    stopped = started.put(liar).look(310)

    assert stopped.run.stopping is not None
    assert (stopped.run.stopping.reason, stopped.run.stopping.since) == ("Stalled", moment(310))
