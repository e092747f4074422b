"""Runs in a store: which one is next, and where it lives."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.trainer.measured import make_run
from support.trainer.trainings import make_training, training_document

from atlas_api import AtlasTraining, InvalidManifest, parse
from atlas_api.errors import CheckpointFailed, RunActive
from atlas_api.training.status import LocalStatus, Phase, RunStatus
from atlas_trainer.storage.runs import (
    claim,
    locate,
    locked,
    newest_run,
    next_run,
    put_aside_unreadable_status,
    read_status,
    read_status_file,
    training_folder,
    work_folder,
)
from atlas_trainer.storage.store import LocalStore

NOW = datetime(2026, 11, 23, tzinfo=UTC)
EARLIER = datetime(2026, 11, 22, tzinfo=UTC)


def left_behind(training: AtlasTraining, phase: Phase, number: int = 3, attempt: int = 2) -> LocalStatus:
    run = RunStatus(number=number, attempt=attempt, spec_hash=training.spec.hash(), started_at=EARLIER)
    return LocalStatus(phase=phase, run=run)


def test_the_first_run_is_number_one(tmp_path: Path) -> None:
    run = next_run(make_training(tmp_path), None, newest=0, fresh=False, now=NOW)
    assert (run.number, run.attempt, run.started_at) == (1, 1, NOW)
    assert run.folder == "agents/demo/run-0001"


@pytest.mark.parametrize("phase", ["Running", "Interrupted"])
def test_an_unfinished_run_continues_as_its_next_attempt(tmp_path: Path, phase: Phase) -> None:
    training = make_training(tmp_path)
    run = next_run(training, left_behind(training, phase), newest=3, fresh=False, now=NOW)
    assert (run.number, run.attempt, run.started_at) == (3, 3, EARLIER)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_after_an_ended_run_another_one_starts(tmp_path: Path, phase: Phase) -> None:
    training = make_training(tmp_path)
    run = next_run(training, left_behind(training, phase), newest=3, fresh=False, now=NOW)
    assert (run.number, run.attempt) == (4, 1)


def test_a_changed_recipe_starts_another_run(tmp_path: Path) -> None:
    status = left_behind(make_training(tmp_path), "Running")
    changed = make_training(tmp_path, grpo={"groupSize": 2, "maxCompletionTokens": 8})
    assert next_run(changed, status, newest=3, fresh=False, now=NOW).number == 4


def test_fresh_starts_another_run_beside_the_interrupted_one(tmp_path: Path) -> None:
    training = make_training(tmp_path)
    assert next_run(training, left_behind(training, "Running"), newest=3, fresh=True, now=NOW).number == 4


def test_a_lost_status_never_reuses_a_run_number(tmp_path: Path) -> None:
    training = make_training(tmp_path)
    store = LocalStore(tmp_path / "runs")
    store.write("agents/demo/run-0007/run.json", b"{}")
    newest = newest_run(store, training)
    assert next_run(training, None, newest, fresh=False, now=NOW).number == 8


def test_a_name_that_looks_like_a_run_is_no_run(tmp_path: Path) -> None:
    document = training_document(tmp_path) | {"metadata": {"name": "run-2026", "namespace": "agents"}}
    training, store = parse(AtlasTraining, document), LocalStore(tmp_path / "runs")
    store.write("agents/run-2026/status.json", b"{}")
    assert newest_run(store, training) == 0
    store.write("agents/run-2026/run-0003/run.json", b"{}")
    assert newest_run(store, training) == 3


def test_attempts_of_one_run_share_its_folder(tmp_path: Path) -> None:
    first, store = make_run(tmp_path, attempt=1), LocalStore(tmp_path / "runs")
    claim(first, store)
    for again in (claim(make_run(tmp_path, attempt=2), store), locate(make_run(tmp_path, attempt=2), store)):
        assert again.folder == first.folder == "agents/demo/run-0001"


def test_a_run_of_a_training_that_was_made_anew_lies_beside_the_earlier_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "runs")
    claim(make_run(tmp_path), store)
    anew = make_run(tmp_path).model_copy(update={"started_at": NOW.replace(hour=14, minute=5)})
    assert claim(anew, store).folder == locate(anew, store).folder == "agents/demo/run-0001-20261123T140500Z"
    assert claim(make_run(tmp_path), store).folder == "agents/demo/run-0001"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"startedAt": 4}', b'{"startedAt": "then"}', b"\xff"])
def test_a_folder_whose_claim_cannot_be_read_is_left_alone(tmp_path: Path, content: bytes) -> None:
    store = LocalStore(tmp_path / "runs")
    store.write("agents/demo/run-0001/run.json", content)
    assert locate(make_run(tmp_path), store).folder.startswith("agents/demo/run-0001-2")


def test_a_place_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    training = make_training(tmp_path)
    store = LocalStore(tmp_path / "runs")
    folder = training_folder(training.key, store)
    with (
        pytest.raises(CheckpointFailed, match=r"cannot write .*/demo: Not a directory; free or repair that place"),
        locked(folder),
    ):
        pass
    run = next_run(training, None, newest=0, fresh=False, now=NOW)
    with pytest.raises(CheckpointFailed, match=r"cannot write .*run-0001: Not a directory"):
        work_folder(run, store)


def test_a_status_of_another_version_is_named_and_not_the_manifest(tmp_path: Path) -> None:
    training, store = make_training(tmp_path), LocalStore(tmp_path / "runs")
    store.write("agents/demo/status.json", b'{"mood": "good"}')
    with pytest.raises(InvalidManifest) as refused:
        read_status(store, training)
    (unknown,) = [problem for problem in refused.value.problems if "mood" in problem]
    assert unknown.startswith(f"{tmp_path}/runs/agents/demo/status.json: mood: unknown field")


def test_two_processes_never_train_the_same_training(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(RunActive), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir])
def test_a_status_that_is_no_file_is_named_and_not_waited_for(tmp_path: Path, put: Callable[[Path], object]) -> None:
    put(tmp_path / "status.json")
    with pytest.raises(InvalidManifest, match=r"status\.json: is no regular file; .*move it away"):
        read_status_file(tmp_path / "status.json")


def leads_elsewhere(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir, leads_elsewhere])
def test_a_lock_that_is_something_else_is_refused_and_not_waited_for(
    tmp_path: Path, put: Callable[[Path], object]
) -> None:
    put(tmp_path / ".lock")
    with pytest.raises(CheckpointFailed, match=r"\.lock|cannot"), locked(tmp_path):
        pytest.fail("held")
    assert not (tmp_path / "elsewhere").exists()


def test_a_status_that_is_a_link_to_itself_is_said_to_be_unreadable_and_put_aside(tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    status.symlink_to(status)
    with pytest.raises(InvalidManifest, match="cannot be read"):
        read_status_file(status)
    put_aside_unreadable_status(status)
    assert read_status_file(status) is None
