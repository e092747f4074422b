"""Which run is next."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.trainings import make_training

from atlas_api import AtlasTraining
from atlas_api.errors import RunActive
from atlas_api.status import LocalStatus, Phase, RunStatus
from atlas_trainer.runs import locked, newest_run, next_run
from atlas_trainer.store import LocalStore

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


def test_two_processes_never_train_the_same_training(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(RunActive), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass
