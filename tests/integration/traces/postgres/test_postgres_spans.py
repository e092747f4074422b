"""Sessions from a table of spans in a real Postgres: the same as from lines of OTLP."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from support.traces.other_makers import model_call, otlp, read_lines

from atlas_api import parse
from atlas_api.errors import MalformedTraces, SchemaMismatch
from atlas_api.training.traces import Traces
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.formats.otel_spans import spans_of
from atlas_trainer.traces.session import Session, Tally

TABLE = """
CREATE TABLE spans (trace_id text, start_time timestamptz, attributes jsonb, events jsonb, resource jsonb,
                    status_code text, name text)
"""
CALLS = [
    model_call("First.", trace="b", start=1_790_000_000, attributes={"score": 0.9}),
    model_call("Hello.", trace="a", start=1_790_000_100),
    model_call("Second.", trace="b", start=1_790_000_005),
    model_call("Lost.", trace="c", start=1_790_000_200, status={"code": 2}),
]


def fill(url: str, spans: list[dict[str, Any]]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)
        for span in spans_of(otlp(*spans)):
            events = [{"name": name, "attributes": attributes} for name, attributes in span.events]
            connection.execute(
                "INSERT INTO spans VALUES (%s, to_timestamp(%s), %s, %s, %s, %s, 'chat')",
                [
                    span.trace,
                    span.start / 10**9,
                    *(Jsonb(part) for part in (span.attributes, events, span.resource)),
                    "ERROR" if span.failed else "OK",
                ],
            )


def read(url: str, folder: Path, spans: str = "spans", **traces: Any) -> tuple[list[Session], Tally]:
    secret = folder / "url"
    secret.write_text(url)
    postgres = {"urlFrom": {"file": str(secret)}, "spans": spans}
    tally = Tally()
    return list(read_sessions(parse(Traces, {"postgres": postgres, **traces}), tally)), tally


def test_a_table_of_spans_gives_the_sessions_that_lines_of_otlp_give(database_url: str, tmp_path: Path) -> None:
    fill(database_url, CALLS)
    everything: dict[str, Any] = {"filter": {"status": []}, "fields": {"reward": "score"}}
    from_lines, _ = read_lines(
        tmp_path,
        otlp(*CALLS),
        **parse(Traces, {"file": {"path": "x"}, **everything}).model_dump(include={"filter", "fields"}),
    )
    from_table, tally = read(database_url, tmp_path, **everything)
    assert [session.id for session in from_table] == ["a", "b", "c"]
    assert [session.reward for session in from_table] == [None, 0.9, None]
    assert [attempt.output for step in from_table[1].steps for attempt in step.attempts] == ["First.", "Second."]
    assert from_table == sorted((replace(session) for session in from_lines), key=lambda session: session.id)
    assert tally.matched == 3


def test_the_filter_counts_what_it_leaves_out(database_url: str, tmp_path: Path) -> None:
    fill(database_url, CALLS)
    sessions, tally = read(database_url, tmp_path)
    assert [session.id for session in sessions] == ["a", "b"]
    assert tally.dropped == {"status": 1}


def test_a_view_with_the_columns_that_are_needed_is_enough(database_url: str, tmp_path: Path) -> None:
    fill(database_url, CALLS)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "CREATE SCHEMA traces; CREATE VIEW traces.calls AS SELECT trace_id, start_time, attributes FROM spans"
        )
    sessions, _ = read(database_url, tmp_path, spans="traces.calls")
    assert [session.status for session in sessions] == ["succeeded"] * 3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "there is no such table that this role sees"),
        ("sessions_only", "lacks the columns trace_id, attributes"),
    ],
)
def test_a_table_that_does_not_fit_is_told_with_the_cure(
    database_url: str, tmp_path: Path, name: str, words: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE sessions_only (start_time timestamptz)")
    with pytest.raises(SchemaMismatch, match=rf"spec\.traces\.postgres\.spans: {name}: .*{words}; make a view with"):
        read(database_url, tmp_path, spans=name)


def test_spans_that_cannot_be_read_are_counted_with_their_trace(database_url: str, tmp_path: Path) -> None:
    silent = model_call(trace="d")
    silent["attributes"] = [entry for entry in silent["attributes"] if "messages" not in entry["key"]]
    fill(database_url, [*CALLS, silent])
    _, tally = read(database_url, tmp_path)
    assert [line.partition(":")[0] for line in tally.malformed] == ["trace d"]
    with pytest.raises(MalformedTraces, match="maxMalformed allows 0"):
        read(database_url, tmp_path, maxMalformed=0)


def test_times_that_no_program_can_hold_and_parts_of_another_type_lose_nothing_else(
    database_url: str, tmp_path: Path
) -> None:
    fill(database_url, CALLS)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE spans SET start_time = 'infinity', events = '3', resource = '[]' WHERE trace_id = 'a'"
        )
        connection.execute("INSERT INTO spans (trace_id, attributes) VALUES ('e', %s)", [json.dumps([1])])
    sessions, _ = read(database_url, tmp_path)
    assert [(session.id, session.created_at is None) for session in sessions] == [("a", True), ("b", False)]
