"""What the trainer says of its run, and how little of it has to be believed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.kube_objects import ended_pod, make_pod

from atlas_api.errors import FlatReward
from atlas_api.status import CheckpointsStatus, RunReport
from atlas_operator.report import TEXT_LIMIT, read_report, termination_report

AT = "2026-11-23T09:10:00Z"
SHA = "ab" * 32
CHECKPOINT = {"uri": "s3://models/agents/demo/run-0003/checkpoint-000248", "step": 248, "sha256": SHA, "metric": 0.4}
MODEL = {"uri": "s3://models/agents/demo/run-0003/final", "run": 3, "sha256": SHA, "metric": 0.9}
SMALL = 14_000
PROGRESS = {"step": 248, "maxSteps": 400, "percent": 62, "etaSeconds": 2460, "updatedAt": AT}
DATASET = {"matched": 200, "used": 160, "dropped": {"controlToken": 40}, "digest": SHA, "watermark": AT}


def say(**changes: Any) -> str:
    """A report of run 3, attempt 2, as an honest trainer writes it. Keywords replace parts."""
    honest = {
        "run": 3,
        "attempt": 2,
        "phase": "Running",
        "progress": PROGRESS,
        "metrics": {"reward": 0.71, "loss": 0.02},
        "dataset": DATASET,
        "checkpoints": {"latest": CHECKPOINT, "best": CHECKPOINT},
    }
    return json.dumps({**honest, **changes})


def read(**changes: Any) -> RunReport:
    """The same, read by an operator that knows attempt 2 of run 3."""
    report = read_report(say(**changes), 3, 2)
    assert report is not None
    return report


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
        "a[2Jbc",
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


def test_a_report_that_uses_every_bound_stays_small() -> None:
    wide = "\N{SNAKE}"
    uri = "/models/" + wide * 254
    largest = read(
        phase="Succeeded",
        reason="R" * 64,
        message=wide * 1000,
        metrics={f"{number:064}": -0.12345678901234567 for number in range(32)},
        dataset={**DATASET, "dropped": {f"{number:064}": 10**9 for number in range(32)}},
        checkpoints={"latest": {**CHECKPOINT, "uri": uri}, "best": {**CHECKPOINT, "uri": uri}},
        model={**MODEL, "uri": uri},
    )
    assert largest.model
    assert len(largest.model_dump_json(by_alias=True).encode()) < SMALL


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
TIMES = st.datetimes(timezones=st.timezones() | st.none()).map(datetime.isoformat)
PARTS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("step", "maxSteps", "etaSeconds", "updatedAt", "uri", "sha256", "metric", "latest", "best"),
        JSON_VALUES | TIMES,
    ),
)
REPORTS = st.fixed_dictionaries(
    {"run": st.just(3) | JSON_VALUES, "attempt": st.integers(0, 3) | JSON_VALUES},
    optional=dict.fromkeys(
        ("phase", "reason", "message", "exitCode", "progress", "metrics", "dataset", "checkpoints", "model"),
        PARTS | JSON_VALUES,
    ),
)


def assert_within_bounds(report: RunReport | None) -> None:
    """Nothing is odd, whatever was said."""
    if report is None:
        return
    assert (report.run, report.attempt in (1, 2)) == (3, True)
    written = report.model_dump_json(by_alias=True)
    assert RunReport.model_validate_json(written) == report
    assert len(written.encode()) < SMALL
    assert report.progress is None or report.progress.step <= report.progress.max_steps
    assert (report.message or "").isprintable()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_whatever_text_comes_in_it_never_raises(text: str) -> None:
    assert_within_bounds(read_report(text, 3, 2))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(REPORTS)
def test_whatever_a_report_holds_it_stays_within_bounds(said: dict[str, Any]) -> None:
    assert_within_bounds(read_report(json.dumps(said), 3, 2))


@settings(deadline=None)
@given(TIMES)
def test_whatever_the_time_it_is_one_of_this_age_or_none(time: str) -> None:
    progress = read(progress={**PROGRESS, "updatedAt": time}).progress
    assert progress is None or progress.updated_at > datetime(1999, 12, 31, tzinfo=UTC)


def test_the_termination_message_of_rank_0_is_read() -> None:
    pods = [ended_pod(0, index=1, said=say(metrics={})), ended_pod(0, index=0, said=say())]
    assert termination_report(pods, 3, 2) == read()


def test_a_pod_that_does_not_lead_cannot_report() -> None:
    assert termination_report([ended_pod(0, index=1, said=say())], 3, 2) is None


@pytest.mark.parametrize("label", ["replica-index", "job-role"])
def test_either_label_makes_rank_0(label: str) -> None:
    pod = ended_pod(0, said=say())
    prefix = "training.kubeflow.org"
    pod["metadata"]["labels"].pop(f"{prefix}/{label}")
    assert termination_report([pod], 3, 2) == read()


def test_of_several_termination_messages_the_newest_attempt_speaks() -> None:
    pods = [ended_pod(0, said=say(attempt=1)), ended_pod(0, said=say(attempt=2)), ended_pod(0, said=say(attempt=1))]
    report = termination_report(pods, 3, 2)
    assert report is not None
    assert report.attempt == 2


def test_a_pod_that_runs_or_said_nothing_has_no_report() -> None:
    odd = {"metadata": {"labels": {"training.kubeflow.org/replica-index": "0"}}, "status": {"containerStatuses": 3}}
    assert termination_report([make_pod(), ended_pod(1), odd, {}], 3, 2) is None
