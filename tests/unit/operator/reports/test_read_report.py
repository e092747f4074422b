"""What the trainer says of its run, and how little of it has to be believed."""

from collections.abc import Callable
from typing import Any

import pytest
from support.training.reports import CHECKPOINT, DATASET, MODEL, PROGRESS, SHA, read, say

from atlas_api.errors import FlatReward
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import CheckpointsStatus
from atlas_operator.reports.run import TEXT_LIMIT, read_report


def test_an_honest_report_is_read_as_the_trainer_wrote_it() -> None:
    assert read() == RunReport.model_validate_json(say())


def test_the_end_of_a_run_is_read_with_its_model() -> None:
    text = say(phase="Succeeded", model=MODEL)
    assert read_report(text, 3, 2) == RunReport.model_validate_json(text)


def test_a_failure_is_read_with_its_reason_message_and_exit_code() -> None:
    report = read(phase="Failed", reason="FlatReward", message="every group\nscored 0.0", exitCode=FlatReward.exit_code)
    assert (report.phase, report.reason, report.message, report.exit_code) == (
        "Failed",
        "FlatReward",
        "every group scored 0.0",
        FlatReward.exit_code,
    )


NOTHING: dict[str, str | None] = {
    "no text": None,
    "an empty text": "",
    "no JSON": "step 3 of 4",
    "a list": "[]",
    "a number": "3",
    "half a report": say()[:80],
    "a report of another run": say(run=4),
    "a run that is a text": say(run="3"),
    "a run that is a truth value": say(run=True),
    "an attempt that does not exist yet": say(attempt=3),
    "attempt 0": say(attempt=0),
    "no attempt": say(attempt=None),
    "more than 64 kB": say(note="x" * TEXT_LIMIT),
    "1 MB": "x" * 2**20,
    "nesting deeper than the stack": "[" * TEXT_LIMIT,
    "objects in objects in objects": '{"a":' * 10_000,
    "a number of ten thousand digits": '{"run": ' + "9" * 10_000 + "}",
}


@pytest.mark.parametrize("text", NOTHING.values(), ids=NOTHING.keys())
def test_what_is_no_report_of_this_run_says_nothing(text: str | None) -> None:
    assert read_report(text, 3, 2) is None


LIES: dict[str, tuple[dict[str, Any], Callable[[RunReport], object], object]] = {
    "metrics that are a list": ({"metrics": [1, 2]}, lambda report: report.metrics, {}),
    "a metric that is a text, beside a good one": (
        {"metrics": {"reward": "high", "loss": 0.5}},
        lambda report: report.metrics,
        {"loss": 0.5},
    ),
    "metrics that are no numbers": (
        {"metrics": {"a": float("nan"), "b": float("inf"), "c": -float("inf"), "d": 10**400, "e": 1e300, "f": True}},
        lambda report: report.metrics,
        {},
    ),
    "a metric with an odd name": (
        {"metrics": {"rewards/close": 1, "a b": 1, "": 1, "x" * 65: 1, "<b>": 1, "\n": 1}},
        lambda report: report.metrics,
        {"rewards/close": 1.0},
    ),
    "a thousand metrics": (
        {"metrics": {f"metric-{number}": number for number in range(1000)}},
        lambda report: len(report.metrics),
        32,
    ),
    "a percentage of its own": (
        {"progress": {**PROGRESS, "percent": 9000}},
        lambda report: report.progress and report.progress.percent,
        62,
    ),
    "no steps planned": (
        {"progress": {**PROGRESS, "step": 0, "maxSteps": 0}},
        lambda report: report.progress and report.progress.percent,
        0,
    ),
    "more steps than planned": ({"progress": {**PROGRESS, "step": 401}}, lambda report: report.progress, None),
    "steps below zero": ({"progress": {**PROGRESS, "step": -1}}, lambda report: report.progress, None),
    "half a step": ({"progress": {**PROGRESS, "step": 2.5}}, lambda report: report.progress, None),
    "steps beyond counting": (
        {"progress": {**PROGRESS, "step": 1, "maxSteps": 10**10}},
        lambda report: report.progress,
        None,
    ),
    "no time of writing": ({"progress": {**PROGRESS, "updatedAt": "now"}}, lambda report: report.progress, None),
    "a time without a zone": (
        {"progress": {**PROGRESS, "updatedAt": "2026-11-23T09:10:00"}},
        lambda report: report.progress,
        None,
    ),
    "a time at the end of all times": (
        {"progress": {**PROGRESS, "updatedAt": "9999-12-31T23:59:59-23:59"}},
        lambda report: report.progress,
        None,
    ),
    "an ETA of a thousand years": (
        {"progress": {**PROGRESS, "etaSeconds": 10**11}},
        lambda report: (report.progress and report.progress.step, report.progress and report.progress.eta_seconds),
        (248, None),
    ),
    "a dataset without a digest": ({"dataset": {**DATASET, "digest": "x"}}, lambda report: report.dataset, None),
    "a count below zero": ({"dataset": {**DATASET, "used": -1}}, lambda report: report.dataset, None),
    "a hundred causes": (
        {"dataset": {**DATASET, "dropped": {f"cause-{number}": 1 for number in range(100)}}},
        lambda report: report.dataset and len(report.dataset.dropped),
        32,
    ),
    "a cause that is no count": (
        {"dataset": {**DATASET, "dropped": {"status": "many", "model": 2}}},
        lambda report: report.dataset and report.dataset.dropped,
        {"model": 2},
    ),
    "a watermark that is no time": (
        {"dataset": {**DATASET, "watermark": 3}},
        lambda report: report.dataset and report.dataset.watermark,
        None,
    ),
    "checkpoints that are a text": (
        {"checkpoints": "s3://models"},
        lambda report: report.checkpoints,
        CheckpointsStatus(),
    ),
    "one checkpoint without a hash": (
        {"checkpoints": {"latest": {**CHECKPOINT, "sha256": "0x" + SHA[2:]}, "best": CHECKPOINT}},
        lambda report: (report.checkpoints.latest, report.checkpoints.best is not None),
        (None, True),
    ),
    "an unknown phase": ({"phase": "Exploded"}, lambda report: report.phase, "Running"),
    "a phase that is a list": ({"phase": ["Failed"]}, lambda report: report.phase, "Running"),
    "a reason of many words": ({"phase": "Failed", "reason": "it broke"}, lambda report: report.reason, None),
    "an exit code beyond a byte": ({"phase": "Failed", "exitCode": 256}, lambda report: report.exit_code, None),
    "a message with control characters": (
        {"phase": "Failed", "message": "a\x1b[2J\u202eb\ud800c"},
        lambda report: report.message,
        r"a\u001b[2J\u202eb\ud800c",
    ),
    "a message of 60 kB": (
        {"phase": "Failed", "message": "long " * 12_000},
        lambda report: len(report.message or ""),
        1000,
    ),
    "a model before the end": ({"model": MODEL}, lambda report: report.model, None),
    "a model of a run that failed": ({"phase": "Failed", "model": MODEL}, lambda report: report.model, None),
    "a model of another run": (
        {"phase": "Succeeded", "model": {**MODEL, "run": 2}},
        lambda report: (report.phase, report.model),
        ("Succeeded", None),
    ),
    "fields that nobody knows": ({"spec": {"image": "evil"}, "history": []}, lambda report: report, read()),
}


@pytest.mark.parametrize(("changes", "part", "expected"), LIES.values(), ids=LIES.keys())
def test_a_part_that_cannot_be_believed_is_left_out_and_the_others_count(
    changes: dict[str, Any], part: Callable[[RunReport], object], expected: object
) -> None:
    report = read(**changes)
    assert part(report) == expected
    kept = ("progress", "metrics", "dataset", "checkpoints")
    untouched = [name for name in kept if name not in changes]
    assert [getattr(report, name) for name in untouched] == [getattr(read(), name) for name in untouched]


@pytest.mark.parametrize(
    "uri",
    [
        "s3://key:secret@models/final",
        "s3://models/final?X-Amz-Credential=key&X-Amz-Signature=secret",
        "https://user:password@models.example/final",
        "models/final",
        "s3://",
        "/models/\x1b[2J",
        "/models/two\nlines",
        "/" + "x" * 1024,
        "/" + "\N{SNAKE}" * 256,
        3,
    ],
)
def test_an_address_with_credentials_or_of_no_known_form_is_left_out(uri: object) -> None:
    assert read(phase="Succeeded", model={**MODEL, "uri": uri}).model is None
    assert read(checkpoints={"latest": {**CHECKPOINT, "uri": uri}}).checkpoints.latest is None


@pytest.mark.parametrize("uri", ["/models/a@b/final", "s3://models", "s3://models/team@home/Bären und Käfer?/final"])
def test_an_unusual_address_without_credentials_is_kept(uri: str) -> None:
    model = read(phase="Succeeded", model={**MODEL, "uri": uri}).model
    assert model is not None
    assert model.uri == uri


def test_what_an_earlier_attempt_reached_still_counts_but_not_how_it_ended() -> None:
    text = say(phase="Failed", reason="SourceUnreachable", message="no answer", exitCode=20, model=MODEL)
    report = read_report(text, 3, 5)
    assert report == read()
    assert report.attempt == 2


def test_an_earlier_attempt_cannot_claim_the_success_of_the_run() -> None:
    report = read_report(say(phase="Succeeded", model=MODEL), 3, 5)
    assert report is not None
    assert (report.phase, report.model) == ("Running", None)
