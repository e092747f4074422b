"""Whatever a training pod writes: reading it never raises, and what comes out is small."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.training.reports import CHECKPOINT, DATASET, MODEL, PROGRESS, read

from atlas_api.pods.run_report import RunReport
from atlas_api.text import escaped
from atlas_operator.reports.run import read_report

SMALL = 16_500
"""Bytes. A status has room for twice as much beside it."""

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
    assert escaped(report.message or "") == (report.message or "")


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


def test_a_report_that_uses_every_bound_stays_small() -> None:
    wide = "\N{SNAKE}"
    uri = "/models/" + wide * 254
    counts = {f"{number:064}": 10**9 for number in range(32)}
    largest = read(
        phase="Succeeded",
        reason="R" * 64,
        message=wide * 1000,
        metrics={f"{number:064}": -0.12345678901234567 for number in range(32)},
        dataset={**DATASET, **dict.fromkeys(("dropped", "prompts", "droppedRows", "missing"), counts)},
        checkpoints={"latest": {**CHECKPOINT, "uri": uri}, "best": {**CHECKPOINT, "uri": uri}},
        model={**MODEL, "uri": uri},
    )
    assert largest.model
    assert len(largest.model_dump_json(by_alias=True).encode()) < SMALL
