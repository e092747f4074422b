"""The status of a training, event by event."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from support.trainer.measured import START, make_address, make_dataset, make_model, make_result, make_run

from atlas_api import parse_json
from atlas_api.errors import FlatReward, Preempted
from atlas_api.training.status import CheckpointsStatus, LocalStatus
from atlas_trainer.reporting.status import (
    eta_seconds,
    progress_at,
    status_after_dataset,
    status_after_evaluation,
    status_after_failure,
    status_after_save,
    status_after_start,
    status_after_step,
    status_after_success,
)

LATER = START + timedelta(minutes=9)


def trained(folder: Path, number: int = 1) -> LocalStatus:
    """A run that is at step 5 of 12, with everything known."""
    status = status_after_start(None, make_run(folder, number), START)
    status = status_after_dataset(status, make_dataset(status=3))
    status = status_after_evaluation(status, make_result(0, success=0.2, tokens=14.0))
    status = status_after_step(status, progress_at(5, 12, 70, START), {"reward": 0.6, "loss": 0.01})
    return status_after_save(status, CheckpointsStatus(latest=make_address(4)))


def test_a_first_run_is_running_and_knows_nothing_yet(tmp_path: Path) -> None:
    status = status_after_start(None, make_run(tmp_path), START)
    assert status.phase == "Running"
    assert (status.progress, status.metrics, status.dataset, status.model, status.history) == (None, {}, None, None, ())


def test_the_next_attempt_keeps_what_its_run_has_reached(tmp_path: Path) -> None:
    stopped = status_after_failure(trained(tmp_path), Preempted("saved step 4"), True, LATER)
    resumed = status_after_start(stopped, make_run(tmp_path, attempt=2), START)
    assert (resumed.phase, resumed.message, resumed.run.attempt) == ("Running", None, 2)
    assert resumed.metrics["baselineSuccess"] == 0.2
    assert resumed.checkpoints == stopped.checkpoints
    assert resumed.history == ()


def test_a_new_run_moves_the_last_one_into_the_history_and_keeps_its_model(tmp_path: Path) -> None:
    done = status_after_success(trained(tmp_path), make_model(), LATER)
    status = status_after_start(done, make_run(tmp_path, number=2), START)
    assert [(entry.run, entry.phase, entry.finished_at) for entry in status.history] == [(1, "Succeeded", LATER)]
    assert status.history[0].metrics["reward"] == 0.6
    assert (status.history[0].model, status.history[0].spec_hash) == (make_model(), done.run.spec_hash)
    assert status.model == make_model()
    assert (status.metrics, status.progress, status.checkpoints.latest) == ({}, None, None)


def test_a_run_of_a_training_that_was_made_anew_has_reached_nothing_yet(tmp_path: Path) -> None:
    anew = make_run(tmp_path).model_copy(update={"started_at": LATER})
    status = status_after_start(trained(tmp_path), anew, START)
    assert (status.run.number, status.progress, status.metrics, status.checkpoints.latest) == (1, None, {}, None)


def test_a_failed_run_is_remembered_with_its_reason(tmp_path: Path) -> None:
    failed = status_after_failure(trained(tmp_path), FlatReward("raise temperature"), False, LATER)
    status = status_after_start(failed, make_run(tmp_path, number=2), START)
    assert (status.history[0].phase, status.history[0].reason) == ("Failed", "FlatReward")


def test_a_run_that_never_said_how_it_ended_was_killed(tmp_path: Path) -> None:
    status = status_after_start(trained(tmp_path), make_run(tmp_path, number=2), START)
    assert (status.history[0].phase, status.history[0].reason) == ("Interrupted", "Killed")


def test_the_history_is_bounded_and_newest_first(tmp_path: Path) -> None:
    status = None
    for number in range(1, 7):
        status = status_after_start(status, make_run(tmp_path, number, historyLimit=3), START)
    assert status is not None
    assert [entry.run for entry in status.history] == [5, 4, 3]


def test_no_history_is_kept_when_none_is_asked_for(tmp_path: Path) -> None:
    first = status_after_start(None, make_run(tmp_path, 1, historyLimit=0), START)
    assert status_after_start(first, make_run(tmp_path, 2, historyLimit=0), START).history == ()


def test_an_evaluation_at_step_0_is_the_baseline_and_a_later_one_is_not(tmp_path: Path) -> None:
    status = status_after_evaluation(trained(tmp_path), make_result(8, success=0.9, tokens=3.0))
    assert status.metrics["baselineSuccess"] == 0.2
    assert status.metrics["baselineTokens"] == 14.0
    assert status.metrics["evalSuccess"] == 0.9
    assert status.metrics["evalTokens"] == 3.0


def test_a_number_that_is_not_finite_never_reaches_the_status(tmp_path: Path) -> None:
    step = progress_at(6, 12, 60, START)
    status = status_after_step(trained(tmp_path), step, {"reward": float("nan"), "loss": float("inf")})
    assert (status.metrics["reward"], status.metrics["loss"]) == (0.6, 0.01)


def test_a_step_without_a_reward_keeps_the_last_known_one(tmp_path: Path) -> None:
    assert status_after_step(trained(tmp_path), progress_at(6, 12, 60, START), {}).metrics["reward"] == 0.6


def test_a_message_is_the_reason_and_the_cure_on_one_line(tmp_path: Path) -> None:
    status = status_after_failure(
        trained(tmp_path), FlatReward("all scored the same:\nraise temperature"), False, LATER
    )
    assert (status.phase, status.message) == ("Failed", "FlatReward: all scored the same: raise temperature")


def test_a_message_that_quotes_what_is_no_text_can_be_read_again(tmp_path: Path) -> None:
    status = status_after_failure(trained(tmp_path), FlatReward("\udcff \x1b[2J"), False, LATER)
    document = json.dumps(status.model_dump(mode="json", by_alias=True, exclude_none=True))
    assert parse_json(LocalStatus, document.encode()).message == r"FlatReward: \udcff \u001b[2J"


def test_a_run_that_has_ended_has_no_time_left(tmp_path: Path) -> None:
    status = status_after_failure(trained(tmp_path), Preempted("saved step 4"), True, LATER)
    assert status.phase == "Interrupted"
    assert status.progress is not None
    assert (status.progress.step, status.progress.eta_seconds, status.progress.updated_at) == (5, None, LATER)


def test_a_failure_leaves_the_model_of_an_earlier_run_in_place(tmp_path: Path) -> None:
    done = status_after_success(trained(tmp_path), make_model(), LATER)
    second = status_after_start(done, make_run(tmp_path, number=2), START)
    assert status_after_failure(second, FlatReward("no gradient"), False, LATER).model == make_model()


@pytest.mark.parametrize(
    ("step", "max_steps", "percent"), [(0, 12, 0), (5, 12, 41), (12, 12, 100), (13, 12, 100), (0, 0, 0)]
)
def test_percent_never_rounds_up_to_done(step: int, max_steps: int, percent: int) -> None:
    assert progress_at(step, max_steps, None, START).percent == percent


def test_there_is_no_estimate_before_the_first_step_has_ended() -> None:
    assert eta_seconds([START], 12) is None


def test_the_estimate_counts_what_happens_between_steps() -> None:
    # Two steps of 10 s with an evaluation of 20 s between them: 20 s a step.
    marks = [START, START + timedelta(seconds=10), START + timedelta(seconds=40)]
    assert eta_seconds(marks, 3) == 60


def test_no_step_left_takes_no_time() -> None:
    assert eta_seconds([START, START + timedelta(seconds=10)], 0) == 0


KINDS = ("Ready", "Reconciling", "Stalled", "Accepted", "Running", "Suspended", "LastRunSucceeded", "ModelAvailable")
"""In the order in which the operator states them."""


def said(status: LocalStatus) -> dict[str, tuple[str, str]]:
    """Status and reason of each condition."""
    return {each.type: (each.status, each.reason) for each in status.conditions}


def test_a_run_with_a_model_has_ended_as_on_a_cluster(tmp_path: Path) -> None:
    status = status_after_success(trained(tmp_path), make_model(), LATER)
    assert (status.run.finished_at, status.run.outcome, status.run.reason) == (LATER, "Succeeded", None)
    assert said(status) == {
        "Ready": ("True", "RunSucceeded"),
        "Reconciling": ("False", "Settled"),
        "Stalled": ("False", "Settled"),
        "Accepted": ("True", "Accepted"),
        "Running": ("False", "NoLiveRun"),
        "Suspended": ("False", "Active"),
        "LastRunSucceeded": ("True", "RunSucceeded"),
        "ModelAvailable": ("True", "ModelAvailable"),
    }


def test_a_failed_run_has_ended_with_its_reason_and_its_cure(tmp_path: Path) -> None:
    status = status_after_failure(trained(tmp_path), FlatReward("raise temperature"), False, LATER)
    run = status.run
    assert (run.finished_at, run.outcome, run.reason, run.message) == (
        LATER,
        "Failed",
        "FlatReward",
        "raise temperature",
    )
    assert said(status) == {
        "Ready": ("False", "FlatReward"),
        "Reconciling": ("False", "Stalled"),
        "Stalled": ("True", "FlatReward"),
        "Accepted": ("True", "Accepted"),
        "Running": ("False", "NoLiveRun"),
        "Suspended": ("False", "Active"),
        "LastRunSucceeded": ("False", "FlatReward"),
        "ModelAvailable": ("False", "NoModel"),
    }


def test_an_interrupted_run_has_not_ended_and_says_how_it_goes_on(tmp_path: Path) -> None:
    status = status_after_failure(trained(tmp_path), Preempted("saved step 4"), True, LATER)
    assert (status.run.finished_at, status.run.outcome, status.run.reason) == (None, None, "Preempted")
    assert said(status)["Stalled"] == ("True", "Preempted")
    assert said(status)["LastRunSucceeded"] == ("Unknown", "RunLive")
    (running,) = (each for each in status.conditions if each.type == "Running")
    assert running.message == "saved step 4; run 1 goes on as attempt 2 when it is started again"


@pytest.mark.parametrize(
    ("ready_when", "ready", "reconciling"),
    [("Accepted", "True", "False"), ("Running", "True", "False"), ("Succeeded", "False", "True")],
)
def test_ready_means_what_the_user_asks_for_while_a_run_trains(
    tmp_path: Path, ready_when: str, ready: str, reconciling: str
) -> None:
    said_now = said(status_after_start(None, make_run(tmp_path, readyWhen=ready_when), START))
    assert (said_now["Ready"][0], said_now["Reconciling"][0]) == (ready, reconciling)
    assert (said_now["Running"], said_now["Stalled"][0]) == (("True", "Training"), "False")


def test_every_status_has_all_conditions_and_none_contradict(tmp_path: Path) -> None:
    running = trained(tmp_path)
    for status in (
        status_after_start(None, make_run(tmp_path), START),
        running,
        status_after_success(running, make_model(), LATER),
        status_after_failure(running, FlatReward("raise temperature"), False, LATER),
        status_after_failure(running, Preempted("saved"), True, LATER),
    ):
        on = {each.type for each in status.conditions if each.status == "True"}
        assert tuple(each.type for each in status.conditions) == KINDS
        assert not {"Stalled", "Reconciling"} <= on
        assert not {"Stalled", "Ready"} <= on
        assert all(each.reason for each in status.conditions)
        assert {each.observed_generation for each in status.conditions} == {status.observed_generation}


def test_a_condition_keeps_its_time_until_it_turns(tmp_path: Path) -> None:
    done = status_after_success(trained(tmp_path), make_model(), LATER)
    next_one = status_after_start(done, make_run(tmp_path, number=2), LATER + timedelta(hours=1))
    turned = {each.type: each.last_transition_time for each in next_one.conditions}
    assert (turned["Accepted"], turned["ModelAvailable"]) == (START, LATER)
    assert turned["Running"] == LATER + timedelta(hours=1)


def test_the_next_attempt_of_a_run_is_live_again(tmp_path: Path) -> None:
    stopped = status_after_failure(trained(tmp_path), Preempted("saved step 4"), True, LATER)
    resumed = status_after_start(stopped, make_run(tmp_path, attempt=2), LATER)
    assert (resumed.run.finished_at, resumed.run.outcome, resumed.run.reason) == (None, None, None)
    assert (said(resumed)["Running"], said(resumed)["Stalled"]) == (("True", "Training"), ("False", "Settled"))


def test_a_status_that_an_earlier_version_wrote_is_gone_on_from(tmp_path: Path) -> None:
    done = status_after_success(trained(tmp_path), make_model(), LATER).model_dump(mode="json", by_alias=True)
    run = {name: done["run"][name] for name in ("number", "attempt", "specHash", "startedAt")}
    written = {"phase": "Succeeded", "run": run, "progress": done["progress"], "model": done["model"]}
    before = parse_json(LocalStatus, json.dumps(written).encode())
    status = status_after_start(before, make_run(tmp_path, number=2), LATER)
    assert [(entry.run, entry.phase, entry.finished_at) for entry in status.history] == [(1, "Succeeded", LATER)]
    assert said(status)["ModelAvailable"][0] == "True"
