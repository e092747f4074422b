"""The termination message fits, whatever happened."""

import json
from pathlib import Path

from support.trainer.measured import START, make_address, make_dataset, make_model

from atlas_api.pods.contract import TERMINATION_LIMIT
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import CheckpointsStatus, Progress
from atlas_trainer.reporting.termination import shortened, write_termination_message


def make_report(causes: int = 1, metrics: int = 1, message: str = "", uri: str = "/models/final") -> RunReport:
    return RunReport(
        run=3,
        attempt=2,
        phase="Failed",
        reason="FlatReward",
        message=message,
        exit_code=43,
        progress=Progress(step=5, max_steps=9, percent=55, updated_at=START),
        metrics={f"metric{number}": 0.123456789 for number in range(metrics)},
        dataset=make_dataset(**{f"cause{number}": number for number in range(causes)}),
        checkpoints=CheckpointsStatus(latest=make_address(4)),
        model=make_model(uri=uri),
    )


def read(report: RunReport) -> RunReport:
    text = shortened(report)
    assert len(text) <= TERMINATION_LIMIT
    return RunReport.model_validate_json(text)


def test_a_report_that_fits_is_left_whole(tmp_path: Path) -> None:
    write_termination_message(make_report(), tmp_path / "log")
    assert RunReport.model_validate_json((tmp_path / "log").read_bytes()) == make_report()
    assert json.loads((tmp_path / "log").read_text())["exitCode"] == 43


def test_counts_of_causes_go_first() -> None:
    report = read(make_report(causes=500))
    assert report.dataset is not None
    assert (report.dataset.dropped, report.dataset.used) == ({}, 160)
    assert report.metrics == {"metric0": 0.123456789}


def test_metrics_go_next() -> None:
    report = read(make_report(metrics=500, message="a" * 1000))
    assert (report.metrics, report.message) == ({}, "a" * 1000)


def test_the_message_is_cut_after_that() -> None:
    report = read(make_report(message="ü" * 5000))
    assert report.message is not None
    assert report.message.strip("ü") == ""
    assert report.checkpoints.latest == make_address(4)


def test_phase_reason_and_exit_code_always_stay() -> None:
    report = read(make_report(uri="/" + "a" * 5000))
    assert (report.run, report.attempt, report.phase) == (3, 2, "Failed")
    assert (report.reason, report.exit_code) == ("FlatReward", 43)
