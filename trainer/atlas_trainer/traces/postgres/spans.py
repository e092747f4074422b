"""
Sessions from a table, or a view, of spans by the OpenTelemetry GenAI conventions.

Columns `trace_id`, `start_time` (timestamptz) and `attributes` (a JSON object) are needed; `status_code`, `events` (a
list of objects with `name` and `attributes`) and `resource` (an object) are read where they are. One server-side
cursor in the order of traces: memory holds the spans of one trace.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from atlas_api.errors import SchemaMismatch
from atlas_api.training.traces import Traces
from atlas_trainer.traces.filters import filter_sessions
from atlas_trainer.traces.formats.fields import NO_FIELDS
from atlas_trainer.traces.formats.otel_spans import Span, span_of
from atlas_trainer.traces.formats.otel_traces import OpenTraces
from atlas_trainer.traces.session import Session, Tally

NEEDED = ("trace_id", "start_time", "attributes")
OPTIONAL = ("status_code", "events", "resource")
ROWS_A_FETCH = 100

_COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = pg_catalog.to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""


def read_spans(connection: psycopg.Connection, traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions that pass `traces.filter`: one a trace, ordered by its id.

    Raises SchemaMismatch when the table or a column that is needed is missing, MalformedTraces when more spans than
    `traces.maxMalformed` cannot be read.
    """
    name = traces.postgres.spans if traces.postgres else None
    if name is None:
        raise ValueError("traces.postgres.spans is not set")
    query = _query(connection, name)
    return filter_sessions(traces.filter, _sessions(_rows(connection, query), traces, tally), tally)


def _query(connection: psycopg.Connection, name: str) -> sql.Composed:
    found = {column for (column,) in connection.execute(_COLUMNS, [name])}
    missing = [column for column in NEEDED if column not in found]
    if missing:
        there = f"it lacks the columns {', '.join(missing)}" if found else "there is no such table that this role sees"
        raise SchemaMismatch(
            f"spec.traces.postgres.spans: {name}: {there}; make a view with {', '.join(NEEDED)}"
            f" and, where you have them, {', '.join(OPTIONAL)} (docs/reference/traces.md)"
        )
    columns = {
        "trace_id": "trace_id::text",
        # A time that no program can hold is none.
        "start": "CASE WHEN pg_catalog.isfinite(start_time)"
        " THEN (extract(epoch FROM start_time) * 1e9)::numeric(39)::text END",
        "attributes": "attributes::jsonb",
        **{column: f"{column}::text" if column == "status_code" else f"{column}::jsonb" for column in OPTIONAL},
    }
    chosen = [f"{value} AS {column}" for column, value in columns.items() if column not in OPTIONAL or column in found]
    return sql.SQL("SELECT {} FROM {} ORDER BY trace_id, start_time").format(
        sql.SQL(", ".join(chosen)),
        sql.Identifier(*name.split(".")),
    )


def _rows(connection: psycopg.Connection, query: sql.Composed) -> Iterator[dict[str, Any]]:
    connection.execute(sql.SQL("DECLARE atlas_spans NO SCROLL CURSOR FOR ") + query)
    with connection.cursor(row_factory=dict_row) as cursor:
        while rows := cursor.execute(f"FETCH {ROWS_A_FETCH} FROM atlas_spans").fetchall():
            yield from rows


def _sessions(rows: Iterable[dict[str, Any]], traces: Traces, tally: Tally) -> Iterator[Session]:
    for _, spans in groupby(map(_span, rows), key=lambda span: span.trace):
        one = OpenTraces(traces.fields or NO_FIELDS)
        for span in spans:
            sessions, problem = one.take_spans([span], 0)
            if problem:
                tally.give_up(f"trace {span.trace}: {problem}", traces.max_malformed)
            yield from sessions
        yield from one.rest()


def _span(row: dict[str, Any]) -> Span:
    return span_of(
        trace=row["trace_id"] or "",
        start=int(row["start"] or 0),
        attributes=row["attributes"],
        events=row.get("events"),
        resource=row.get("resource"),
        status=row.get("status_code"),
    )
