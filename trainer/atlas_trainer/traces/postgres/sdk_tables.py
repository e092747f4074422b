"""
Sessions straight from the Postgres database that the SDK writes.

One read-only snapshot on one connection. The sessions are chosen first, by one query; then there is one server-side
cursor a table, all in the order of session ids, merged like a zip: however many sessions there are, no table is read
twice and memory stays flat. What was learnt for their learning keys is looked up for many sessions at once, where the
database has it and the role may read it. Needs SELECT on six tables and nothing else; nothing outlives the transaction,
so a PgBouncer in transaction mode is fine. Knows nothing of how sessions become training rows.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from atlas_api.training.traces import TraceFilter, Traces
from atlas_trainer.traces.filters import named_ids
from atlas_trainer.traces.lessons import Lesson, lessons_of
from atlas_trainer.traces.loose_json import get
from atlas_trainer.traces.postgres import sdk_sql
from atlas_trainer.traces.postgres.sdk_schema import NOTES, REGISTRY, may_read, require_sdk_schema
from atlas_trainer.traces.sdk_fields import approved_by_person, described, learning_key_of, lower
from atlas_trainer.traces.sdk_steps import steps_of
from atlas_trainer.traces.session import Missing, Session, Step, Tally, guidance_in, missing_of

ROWS_A_FETCH = 100
"""Rows in memory at once, for each table: a row holds an answer, and answers of 200 kB exist."""


def read_sdk_tables(connection: psycopg.Connection, traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions that pass `traces.filter`, ordered by id. The tally is complete before the first one comes.

    Raises SchemaMismatch.
    """
    require_sdk_schema(connection)
    tally.absent = _absent(connection, named_ids(traces.filter))
    ids = _choose(connection, traces.filter, tally)
    yield from _sessions(connection, ids)


def _absent(connection: psycopg.Connection, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Ids among *ids* that no session has."""
    if not ids:
        return ()
    found = connection.execute(sdk_sql.ABSENT, {"ids": list(dict.fromkeys(ids))}).fetchall()
    return tuple(id for (id,) in found)


def _choose(connection: psycopg.Connection, filter: TraceFilter, tally: Tally) -> str:
    """Count every session; return the ids of those that pass, in the text form of a bigint[]."""
    query, parameters = sdk_sql.choice(filter)
    chosen = "{}"
    for cause, sessions, ids in connection.execute(query, parameters):
        if cause is None:
            tally.matched += sessions
            chosen = ids
        else:
            tally.filtered[cause] = tally.filtered.get(cause, 0) + sessions
    return chosen


def _sessions(connection: psycopg.Connection, ids: str) -> Iterator[Session]:
    for table, query in sdk_sql.queries(notes=may_read(connection, "sessions", NOTES)).items():
        connection.execute(f"DECLARE atlas_{table} NO SCROLL CURSOR FOR {query}", {"ids": ids})
    plans, results, attempts, guidance, events = (
        _Children(_rows(connection, table))
        for table in ("plans", "step_results", "step_attempts", "guidance_notes", "trajectory_events")
    )
    registry = _Registry(connection)
    for rows in _batches(connection, "sessions"):
        keys = [learning_key_of(row["metadata"]) for row in rows]
        learnt = registry.of({key for key in keys if key})
        for row, key in zip(rows, keys, strict=True):
            session_id = row["id"]
            plan = next((found["plan"] for found in plans.of(session_id)), None)
            seen = [found["event"] for found in events.of(session_id)]
            notes = guidance.of(session_id)
            steps = steps_of(plan, results.of(session_id), attempts.of(session_id), notes, seen)
            said = [*guidance_in(steps), *(note["note"] for note in notes)]
            lessons = lessons_of(said, row, learnt.get(key or ""), get(row["metadata"], "triage_dossier"))
            yield _session(row, steps, lessons)


def _rows(connection: psycopg.Connection, table: str) -> Iterator[DictRow]:
    for rows in _batches(connection, table):
        yield from rows


def _batches(connection: psycopg.Connection, table: str) -> Iterator[list[DictRow]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        while rows := cursor.execute(f"FETCH {ROWS_A_FETCH} FROM atlas_{table}").fetchall():
            yield rows


class _Children:
    """The rows of one table, handed out session by session. Sessions are asked for in ascending order of id."""

    def __init__(self, rows: Iterator[DictRow]) -> None:
        self._rows = rows
        self._head = next(rows, None)

    def of(self, session_id: int) -> list[DictRow]:
        found = []
        while self._head is not None and self._head["session_id"] == session_id:
            found.append(self._head)
            self._head = next(self._rows, None)
        return found


class _Registry:
    """What was learnt for learning keys, looked up many at once. Keys that come again at once are remembered."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._readable = may_read(connection, "learning_registry", REGISTRY)
        self._known: dict[str, DictRow | None] = {}

    def of(self, keys: set[str]) -> Mapping[str, DictRow | None]:
        """What was learnt, by key. Empty where there is no such table or this role may not read it."""
        if not self._readable:
            return {}
        known = {key: self._known[key] for key in keys if key in self._known}
        if unknown := sorted(keys - known.keys()):
            with self._connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(sdk_sql.REGISTRY, {"keys": unknown}).fetchall()
            known |= dict.fromkeys(unknown) | {row["learning_key"]: row for row in rows}
        self._known = known
        return known


def _session(row: DictRow, steps: tuple[Step, ...], lessons: tuple[Lesson, ...]) -> Session:
    metadata = row["metadata"]
    status, review_status = lower(row["status"] or ""), lower(row["review_status"] or "")
    known: dict[Missing, Any] = {"status": status, "reviewStatus": review_status, "createdAt": row["created_at"]}
    return Session(
        id=str(row["id"]),
        task=row["task"] or "",
        status=status,
        review_status=review_status,
        created_at=row["created_at"],
        final_answer=row["final_answer"],
        reward=row["reward"],
        steps=steps,
        approved_by_person=approved_by_person(review_status, row["review_notes"]),
        lessons=lessons,
        missing=missing_of(known),
        unreadable=_unreadable_date(row),
        **described(metadata),
    )


def _unreadable_date(row: DictRow) -> str | None:
    if row["created_at"] is not None or row["created_text"] is None:
        return None
    return f"created_at {row['created_text']} cannot be read, since it is in none of the years 1000 to 2999"
