"""
Writes visits into Postgres, in the tables and values that arc-atlas uses.

It makes missing tables, adds rows, and never changes or removes a session.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from desk.prompt import STEP_ID
from desk.recording.attempts import evaluation, plan, step_metadata, trace
from desk.recording.events import events
from desk.recording.review import Review
from desk.recording.shapes import metadata, reward, reward_audit, reward_stats
from desk.shift import Visit

Connection = psycopg.Connection[Any]

_SESSION = """
INSERT INTO sessions (task, status, metadata, final_answer, reward, reward_stats, reward_audit,
                      review_status, review_notes, created_at, completed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""


def create_tables(connection: Connection) -> None:
    """Make the tables that are missing."""
    connection.execute(Path(__file__).with_name("schema.sql").read_bytes())
    connection.commit()


def recorded_messages(connection: Connection) -> set[str]:
    """Tasks of all sessions so far."""
    return {row[0] for row in connection.execute("SELECT task FROM sessions")}


def count_sessions(connection: Connection, model: str) -> int:
    """Sessions in which *model* was the agent."""
    row = connection.execute(
        "SELECT count(*) FROM sessions WHERE metadata -> 'tags' ? %s", [f"model:{model}"]
    ).fetchone()
    return int(row[0]) if row else 0


def record(connection: Connection, visits: Sequence[Visit], reviews: Sequence[Review], model: str) -> list[int]:
    """Add one session a visit, all or none. Returns their ids."""
    with connection.transaction(), connection.cursor() as cursor:
        ids = [_add_session(cursor, visit, found, model) for visit, found in zip(visits, reviews, strict=True)]
        numbered = list(zip(ids, visits, strict=True))
        _add_steps(cursor, [(session, visit) for session, visit in numbered if not visit.failed])
        cursor.executemany(
            "INSERT INTO trajectory_events (session_id, event) VALUES (%s, %s)",
            [(session, Jsonb(event)) for session, visit in numbered for event in events(visit, model)],
        )
    connection.commit()
    return ids


def _add_session(cursor: psycopg.Cursor[Any], visit: Visit, found: Review, model: str) -> int:
    judged = [reward(visit), reward_stats(visit), reward_audit(visit, model)]
    cursor.execute(
        _SESSION,
        [
            visit.task.message,
            "failed" if visit.failed else "succeeded",
            Jsonb(metadata(visit, model)),
            "" if visit.failed else visit.attempts[-1].answer.text,
            *([None] * 3 if visit.failed else map(Jsonb, judged)),
            found.status,
            found.notes,
            visit.started,
            visit.ended,
        ],
    )
    row = cursor.fetchone()
    assert row is not None  # noqa: S101 - INSERT ... RETURNING gives a row
    return int(row[0])


def _add_steps(cursor: psycopg.Cursor[Any], numbered: Sequence[tuple[int, Visit]]) -> None:
    """Plans, results, attempts and notes. The SDK keeps none of them for sessions that failed."""
    cursor.executemany(
        "INSERT INTO plans (session_id, plan) VALUES (%s, %s)", [(session, Jsonb(plan())) for session, _ in numbered]
    )
    cursor.executemany(
        "INSERT INTO step_results (session_id, step_id, trace, output, evaluation, attempts, metadata)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [_result(session, visit) for session, visit in numbered],
    )
    cursor.executemany(
        "INSERT INTO step_attempts (session_id, step_id, attempt, evaluation) VALUES (%s, %s, %s, %s)",
        [
            (session, STEP_ID, number, Jsonb(evaluation(visit, number)))
            for session, visit in numbered
            for number in range(1, len(visit.attempts) + 1)
        ],
    )
    cursor.executemany(
        "INSERT INTO guidance_notes (session_id, step_id, sequence, note) VALUES (%s, %s, %s, %s)",
        [
            (session, STEP_ID, sequence, attempt.verdict.guidance)
            for session, visit in numbered
            for sequence, attempt in enumerate(visit.attempts[:-1], start=1)
        ],
    )


def _result(session: int, visit: Visit) -> tuple[Any, ...]:
    last = visit.attempts[-1]
    number = len(visit.attempts)
    judged, details = Jsonb(evaluation(visit, number)), Jsonb(step_metadata(visit, number))
    return session, STEP_ID, trace(last), last.answer.text, judged, number, details
