"""The reporter: what happens in an attempt goes in, and every file that follows comes out."""

import io
import json
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from support.trainer.measured import (
    Clock,
    make_address,
    make_dataset,
    make_model,
    make_result,
    make_run,
    make_sample,
    trl_log,
)

from atlas_api import parse_json
from atlas_api.errors import FlatReward, InvalidManifest, Preempted
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import CheckpointsStatus, LocalStatus
from atlas_trainer.reporting.metrics_log import MetricsLog
from atlas_trainer.reporting.reporter import Reporter


def run_folder(base: Path, number: int = 1) -> Path:
    return base / "agents" / "demo" / f"run-{number:04d}"


def make_reporter(base: Path, number: int = 1, attempt: int = 1, published: list[Path] | None = None) -> Reporter:
    """A reporter on a quiet console, with a clock on which every reading takes a second."""
    run = make_run(base, number, attempt)
    publish = published.append if published is not None else None
    return Reporter(run, run_folder(base, number), Console(file=io.StringIO()), publish, Clock())


def status_of(base: Path) -> LocalStatus:
    return parse_json(LocalStatus, (base / "agents" / "demo" / "status.json").read_bytes())


def events(file: Path) -> Iterator[Any]:
    """The events in a TensorBoard file: records of length, checksum, event, checksum."""
    from tensorboardX.proto.event_pb2 import Event

    content = file.read_bytes()
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        yield Event.FromString(content[12 : 12 + length])
        content = content[16 + length :]


def scalars(file: Path) -> list[tuple[str, int]]:
    """Tag and step of every scalar."""
    return [(value.tag, event.step) for event in events(file) for value in event.summary.value]


def restarts(file: Path) -> list[int]:
    """Steps from which readers forget what earlier files hold."""
    return [event.step for event in events(file) if event.HasField("session_log")]


def test_a_whole_run_leaves_every_file_behind(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as reporter:
        reporter.reading(160)
        reporter.dataset(make_dataset(status=2))
        reporter.evaluated(make_result(0, make_sample(1, "7", 0.0), success=0.0))
        reporter.training_started(0, 2)
        reporter.step(1, trl_log(1))
        reporter.evaluated(make_result(2, make_sample(1, "2", 1.0), success=1.0))
        reporter.step(2, trl_log(2))
        reporter.saved(CheckpointsStatus(latest=make_address(2, 1.0)))
        reporter.finished(make_model())

    names = {path.name for path in run_folder(tmp_path).iterdir()}
    assert names == {"metrics.jsonl", "report.html", "tensorboard"}
    status = status_of(tmp_path)
    assert (status.phase, status.model) == ("Succeeded", make_model())
    assert status.metrics == {
        "baselineSuccess": 0.0, "baselineTokens": 8.0, "evalSuccess": 1.0, "evalTokens": 8.0, "reward": 0.4, "loss": 0.0
    }  # fmt: skip
    lines = MetricsLog(run_folder(tmp_path) / "metrics.jsonl").read()
    assert [(line["kind"], line["step"]) for line in lines] == [("eval", 0), ("train", 1), ("eval", 2), ("train", 2)]
    assert lines[2]["rewards/close"] == 1.0
    (file,) = (run_folder(tmp_path) / "tensorboard").iterdir()
    assert {("train/reward", 1), ("train/reward", 2), ("eval/success", 0), ("eval/success", 2)} <= set(scalars(file))
    assert "Solves 100 % of held-out tasks" in (run_folder(tmp_path) / "report.html").read_text()


def test_the_operator_gets_a_report_of_every_event(tmp_path: Path) -> None:
    sent: list[RunReport] = []
    run = make_run(tmp_path, attempt=2)
    with Reporter(run, run_folder(tmp_path), Console(quiet=True), None, Clock(), send=sent.append) as reporter:
        reporter.dataset(make_dataset())
        reporter.training_started(0, 4)
        reporter.step(1, trl_log(1))
        reporter.failed(Preempted("stopped at step 1"), interrupted=True)
    assert [(report.run, report.attempt, report.phase) for report in sent] == [(1, 2, "Running")] * 4 + [
        (1, 2, "Interrupted")
    ]
    times = [report.told_at for report in sent if report.told_at]
    assert times == sorted(set(times))
    assert (sent[-1].reason, sent[-1].exit_code) == ("Preempted", 143)
    assert sent[-1].message == "stopped at step 1"


def test_long_work_between_two_events_sends_heartbeats_but_not_too_many(tmp_path: Path) -> None:
    sent: list[RunReport] = []
    with Reporter(
        make_run(tmp_path), run_folder(tmp_path), Console(quiet=True), None, Clock(), send=sent.append
    ) as reporter:
        for sessions in range(100):
            reporter.reading(sessions)
        for done in range(100):
            reporter.evaluating(0, done, 100)
    times = [report.told_at for report in sent if report.told_at]
    assert len(times) >= 3
    assert all((later - earlier).total_seconds() >= 30 for earlier, later in pairwise(times))


def test_only_a_run_that_succeeded_is_reported_to_have_a_model(tmp_path: Path) -> None:
    sent: list[RunReport] = []
    for number in (1, 2):
        run = make_run(tmp_path, number)
        with Reporter(
            run, run_folder(tmp_path, number), Console(quiet=True), None, Clock(), send=sent.append
        ) as reporter:
            reporter.finished(make_model(number))
    assert [(report.phase, report.model) for report in sent] == [
        ("Running", None), ("Succeeded", make_model(1)), ("Running", None), ("Succeeded", make_model(2))
    ]  # fmt: skip


def test_the_status_can_be_read_after_every_event(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as reporter:
        assert status_of(tmp_path).phase == "Running"
        reporter.dataset(make_dataset())
        assert status_of(tmp_path).dataset == make_dataset()
        reporter.training_started(0, 4)
        reporter.step(1, trl_log(1))
        progress = status_of(tmp_path).progress
        assert progress is not None
        assert (progress.step, progress.max_steps, progress.percent) == (1, 4, 25)
        assert progress.eta_seconds is not None


def test_a_resumed_run_takes_back_what_was_past_its_checkpoint(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as first:
        first.evaluated(make_result(0, success=0.2))
        first.training_started(0, 4)
        for step in (1, 2, 3):
            first.step(step, trl_log(step))
        first.evaluated(make_result(3, success=0.9))

    with make_reporter(tmp_path, attempt=2) as second:
        second.recalled(make_result(0, success=0.2))
        second.training_started(2, 4)
        lines = second.metrics.read()
        assert [(line["kind"], line["step"]) for line in lines] == [("eval", 0), ("train", 1), ("train", 2)]
        assert "evalSuccess" not in status_of(tmp_path).metrics
        second.step(3, trl_log(3))
        second.evaluated(make_result(4, success=0.8))
        second.step(4, trl_log(4))
        second.finished(make_model())

    status = status_of(tmp_path)
    assert (status.run.attempt, status.history) == (2, ())
    assert (status.metrics["baselineSuccess"], status.metrics["evalSuccess"]) == (0.2, 0.8)
    one, two = sorted((run_folder(tmp_path) / "tensorboard").iterdir(), key=lambda file: file.suffix)
    assert ("train/reward", 3) in scalars(one)
    assert ("train/reward", 3) in scalars(two)
    assert restarts(two) == [3]
    assert "Solves 80 % of held-out tasks, up from 20 %." in (run_folder(tmp_path) / "report.html").read_text()


def test_a_second_run_remembers_the_first(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as first:
        first.finished(make_model())
    with make_reporter(tmp_path, number=2):
        status = status_of(tmp_path)
    assert [entry.run for entry in status.history] == [1]
    assert status.model == make_model()


def test_a_run_that_fails_at_once_has_status_and_report(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as reporter:
        reporter.failed(FlatReward("every group scored the same: raise grpo.temperature"), interrupted=False)
    assert status_of(tmp_path).message == "FlatReward: every group scored the same: raise grpo.temperature"
    assert "raise grpo.temperature" in (run_folder(tmp_path) / "report.html").read_text()


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as reporter:
        reporter.training_started(0, 4)
        reporter.failed(Preempted("stopped at step 2"), interrupted=True)
    assert status_of(tmp_path).phase == "Interrupted"


def test_milestones_are_published_whole(tmp_path: Path) -> None:
    published: list[Path] = []
    with make_reporter(tmp_path, published=published) as reporter:
        reporter.evaluated(make_result(0))
    assert [path.name for path in published if "events" not in path.name] == [
        "metrics.jsonl", "report.html", "status.json"
    ]  # fmt: skip
    assert sum("events" in path.name for path in published) == 1


def test_the_status_is_published_between_milestones_but_not_at_every_step(tmp_path: Path) -> None:
    published: list[Path] = []
    with make_reporter(tmp_path, published=published) as reporter:
        reporter.training_started(0, 40)
        for step in range(1, 41):
            reporter.step(step, trl_log(step))
    assert {path.name for path in published} == {"status.json"}
    assert 2 <= len(published) <= 20


def test_a_status_that_nobody_can_read_is_not_overwritten(tmp_path: Path) -> None:
    run_folder(tmp_path).mkdir(parents=True)
    path = tmp_path / "agents" / "demo" / "status.json"
    path.write_text("{}")
    with pytest.raises(InvalidManifest, match=r"agents/demo/status\.json: phase: is required.*move it away"):
        make_reporter(tmp_path)
    assert path.read_text() == "{}"


def test_metrics_are_json_lines(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as reporter:
        reporter.training_started(0, 1)
        reporter.step(1, trl_log(1, loss=float("nan")))
    (line,) = (run_folder(tmp_path) / "metrics.jsonl").read_text().splitlines()
    assert json.loads(line)["loss"] is None


def printing_reporter(folder: Path, attempt: int, console: io.StringIO) -> Reporter:
    return Reporter(make_run(folder, 1, attempt), run_folder(folder), Console(file=console, width=300), None, Clock())


def test_when_the_judges_change_the_log_says_so_once(tmp_path: Path) -> None:
    console = io.StringIO()
    with printing_reporter(tmp_path, 1, console) as reporter:
        reporter.evaluated(make_result(0, revisions=("aaa",)))
        reporter.training_started(0, 4)
        for step, revisions in enumerate((["aaa"], ["aaa", "bbb"], ["bbb"]), start=1):
            reporter.step(step, trl_log(step), revisions)
    warnings = [line for line in console.getvalue().splitlines() if "cannot be compared" in line]
    assert len(warnings) == 1
    assert "revision aaa since step 0, bbb since step 2" in warnings[0]
    lines = MetricsLog(run_folder(tmp_path) / "metrics.jsonl").read()
    assert [line["reward_revisions"] for line in lines] == [["aaa"], ["aaa"], ["aaa", "bbb"], ["bbb"]]


def test_judges_that_change_between_two_attempts_are_noticed(tmp_path: Path) -> None:
    console = io.StringIO()
    with printing_reporter(tmp_path, 1, console) as first:
        first.training_started(0, 4)
        first.step(1, trl_log(1), ["aaa"])
        first.step(2, trl_log(2), ["lost with its step"])
    console = io.StringIO()
    with printing_reporter(tmp_path, 2, console) as second:
        second.training_started(1, 4)
        second.step(2, trl_log(2), ["bbb"])
    assert "revision aaa since step 1, bbb since step 2" in console.getvalue()
    assert list(second.revisions) == ["aaa", "bbb"]


def test_without_judges_no_revision_is_written(tmp_path: Path) -> None:
    with make_reporter(tmp_path) as reporter:
        reporter.evaluated(make_result(0))
        reporter.step(1, trl_log(1))
    assert not any("reward_revisions" in line for line in MetricsLog(run_folder(tmp_path) / "metrics.jsonl").read())


def test_an_operator_is_told_of_dataset_and_checkpoints_only_once_this_attempt_has_found_them(tmp_path: Path) -> None:
    make_reporter(tmp_path).saved(CheckpointsStatus(latest=make_address(4)))
    sent: list[RunReport] = []
    run = make_run(tmp_path, attempt=2)
    reporter = Reporter(run, run_folder(tmp_path), Console(file=io.StringIO()), clock=Clock(), send=sent.append)
    assert (sent[-1].dataset, sent[-1].checkpoints.latest) == (None, None)
    reporter.dataset(make_dataset())
    assert sent[-1].dataset is not None
    assert sent[-1].checkpoints.latest is None
    reporter.saved(CheckpointsStatus(latest=make_address(6)))
    assert sent[-1].checkpoints.latest == make_address(6)


def test_lines_of_metrics_that_somebody_else_wrote_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    good = '{"step": 1, "time": "2026-11-23T09:00:00.000Z", "kind": "train", "loss": null}'
    odd = ["[]", "{", '"x"', '{"step": 2}', good.replace("1", '"1"', 1), good.replace("null", '"low"'), "[" * 100_000]
    path.write_text("\n".join([*odd, good, good.replace("null", "NaN"), good.replace('"train"', '"other"')]) + "\n")
    log = MetricsLog(path)
    assert [line["step"] for line in log.read()] == [1]
    log.rewind(0)
    assert log.read() == []
