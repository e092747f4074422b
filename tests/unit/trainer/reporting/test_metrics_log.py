"""The file metrics.jsonl: one line an event, exact after kills and resumes."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.trainer.measured import START

from atlas_api.inputs.budgets import METRICS
from atlas_trainer.reporting.metrics_log import MetricsLog


def log_with_steps(path: Path, *steps: int) -> MetricsLog:
    log = MetricsLog(path)
    for step in steps:
        log.append(step, "train", {"reward": step / 10}, START)
    return log


def test_a_line_holds_step_time_kind_and_the_numbers(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append(3, "eval", {"success": 0.5}, START)
    assert log.read() == [{"step": 3, "time": "2026-11-23T09:00:00.000Z", "kind": "eval", "success": 0.5}]


def test_a_line_can_be_read_as_soon_as_it_is_appended(tmp_path: Path) -> None:
    log_with_steps(tmp_path / "metrics.jsonl", 1)
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["reward"] == 0.1


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_null(tmp_path: Path, number: float) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append(1, "train", {"loss": number}, START)
    assert log.read()[0]["loss"] is None


def test_a_metric_cannot_replace_step_time_or_kind(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "metrics.jsonl")
    log.append(1, "train", {"step": 99.0, "kind": 7.0, "time": 0.0}, START)
    assert (log.read()[0]["step"], log.read()[0]["kind"]) == (1, "train")


def test_rewinding_drops_the_lines_that_a_resumed_run_writes_again(tmp_path: Path) -> None:
    log = log_with_steps(tmp_path / "metrics.jsonl", 0, 1, 2, 3)
    log.rewind(1)
    assert [line["step"] for line in log.read()] == [0, 1]


def test_rewinding_a_log_that_is_not_there_makes_none(tmp_path: Path) -> None:
    MetricsLog(tmp_path / "metrics.jsonl").rewind(0)
    assert list(tmp_path.iterdir()) == []


def test_opening_drops_a_last_line_that_a_kill_has_torn(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log_with_steps(path, 1, 2)
    path.write_text(path.read_text() + '{"step": 3, "ti')
    log = MetricsLog(path)
    log.append(3, "train", {"reward": 0.3}, START)
    assert [line["step"] for line in log.read()] == [1, 2, 3]


def test_a_line_without_its_end_is_torn_even_if_it_is_json(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log_with_steps(path, 1, 12)
    path.write_text(path.read_text().removesuffix("\n"))
    assert [line["step"] for line in MetricsLog(path).read()] == [1]


def test_nothing_temporary_is_left_behind(tmp_path: Path) -> None:
    log_with_steps(tmp_path / "metrics.jsonl", 1, 2).rewind(1)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def leads_elsewhere(path: Path) -> None:
    (path.parent / "elsewhere").write_text("mine\n")
    path.symlink_to(path.parent / "elsewhere")


def too_long(path: Path) -> None:
    path.touch()
    os.truncate(path, METRICS.bytes + 1)


@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir, leads_elsewhere, too_long])
def test_something_else_in_its_place_is_put_aside_neither_waited_for_nor_written_to(
    tmp_path: Path, put: Callable[[Path], object]
) -> None:
    path = tmp_path / "metrics.jsonl"
    put(path)
    log = log_with_steps(path, 1)
    assert [line["step"] for line in log.read()] == [1]
    assert os.path.lexists(tmp_path / "metrics.jsonl.unreadable")
    elsewhere = tmp_path / "elsewhere"
    assert not elsewhere.exists() or elsewhere.read_text() == "mine\n"


def test_a_link_that_took_the_place_of_the_file_leads_no_line_elsewhere(tmp_path: Path) -> None:
    log = log_with_steps(tmp_path / "metrics.jsonl", 1)
    (tmp_path / "elsewhere").write_text("")
    log.path.unlink()
    log.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        log.append(2, "train", {}, START)
    assert (tmp_path / "elsewhere").read_text() == ""
