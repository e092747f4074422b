"""What was learnt comes out of Postgres with the sessions; a database without the registry is read all the same."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from support.sdk.rows import NOTE, insert_session, metadata
from support.traces.reading import read_all, traces_of

from atlas_trainer.traces.lessons import Lesson
from atlas_trainer.traces.postgres.sdk_tables import ROWS_A_FETCH
from atlas_trainer.traces.session import Session

ENTRY = {
    "audience": "student",
    "cue": {"type": "keyword", "pattern": "refund", "description": "a refund is asked for"},
    "action": {"imperative": "Look the order up first"},
    "rubric": {"weighted_total": 0.9},
}
DOSSIER = {"summary": "A refund.", "risks": [{"description": "paid twice", "severity": "high"}], "embeddings": {}}
GUIDANCE = Lesson("guidance", NOTE)


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def learn(connection: psycopg.Connection, key: str, student: str | None, *entries: Any, **fields: Any) -> None:
    connection.execute(
        "INSERT INTO learning_registry (learning_key, student_learning, metadata) VALUES (%s, %s, %s)",
        [key, student, Jsonb({"playbook_entries": list(entries), **fields})],
    )


def lessons(database_url: str, folder: Path) -> list[tuple[Lesson, ...]]:
    sessions: list[Session]
    sessions, _ = read_all(traces_of(database_url, folder))
    return [session.lessons for session in sessions]


def test_every_kind_of_lesson_is_read(connection: psycopg.Connection, database_url: str, tmp_path: Path) -> None:
    session_id = insert_session(connection, metadata=metadata(triage_dossier=DOSSIER))
    connection.execute(
        "UPDATE sessions SET student_learning = 'Look first.', teacher_learning = 'Ask.' WHERE id = %s", [session_id]
    )
    learn(connection, "refunds", "Look twice.", ENTRY)
    learn(connection, "another key", "Never seen.")
    assert lessons(database_url, tmp_path) == [
        (
            GUIDANCE,
            Lesson("studentLearning", "Look first."),
            Lesson("teacherLearning", "Ask."),
            Lesson("studentLearning", "Look twice."),
            Lesson("playbook", "for the student, when a refund is asked for: Look the order up first"),
            Lesson("triage", "A refund.\nRisk (high): paid twice"),
        )
    ]


def test_notes_that_only_the_metadata_has_count(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    insert_session(connection, metadata=metadata(student_learning="Look first."))
    assert lessons(database_url, tmp_path) == [(GUIDANCE, Lesson("studentLearning", "Look first."))]


def test_each_session_gets_the_playbook_of_its_own_key(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    count = ROWS_A_FETCH + 5
    for number in range(count):
        key = f"key {number % (count - 3)}"
        insert_session(connection, metadata=metadata(learning_key=key))
        if number < count - 3 and number % 2:
            learn(connection, key, f"learnt for {key}")
    insert_session(connection, metadata=metadata(learning_key=None))
    found = [[lesson.text for lesson in each if lesson != GUIDANCE] for each in lessons(database_url, tmp_path)]
    keys = [number % (count - 3) for number in range(count)]
    assert found == [[f"learnt for key {key}"] if key % 2 else [] for key in keys] + [[]]


@pytest.mark.parametrize(
    "entries",
    [7, "text", {"action": {"imperative": "Look"}}, [7, None, {}, {"action": 7}, {"action": {"imperative": 7}}]],
)
def test_a_registry_of_another_shape_ends_nothing(
    entries: Any, connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    insert_session(connection)
    learn(connection, "refunds", None, playbook_entries=entries)
    (found,) = lessons(database_url, tmp_path)
    assert found[0] == GUIDANCE


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE learning_registry",
        "ALTER TABLE learning_registry DROP COLUMN metadata",
        "ALTER TABLE learning_registry ALTER COLUMN metadata TYPE TEXT",
        "ALTER TABLE learning_registry RENAME COLUMN learning_key TO key",
    ],
)
def test_a_database_without_a_usable_registry_is_read_all_the_same(
    change: str, connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    insert_session(connection)
    learn(connection, "refunds", "Look twice.")
    connection.execute(change.encode())
    assert lessons(database_url, tmp_path) == [(GUIDANCE,)]


def test_without_columns_for_notes_the_metadata_has_them(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    insert_session(connection, metadata=metadata(teacher_learning="Ask."))
    connection.execute("ALTER TABLE sessions DROP COLUMN student_learning, DROP COLUMN teacher_learning")
    assert lessons(database_url, tmp_path) == [(GUIDANCE, Lesson("teacherLearning", "Ask."))]


def test_a_role_that_may_read_no_more_than_it_needs_reads_what_it_may(
    connection: psycopg.Connection, database_url: str, tmp_path: Path
) -> None:
    insert_session(connection, metadata=metadata(student_learning="Look first."))
    learn(connection, "refunds", "Look twice.")
    as_reader = f"{database_url}{'&' if '?' in database_url else '?'}options=-c%20role%3Dlesson_reader"
    tables = "sessions, plans, step_results, step_attempts, guidance_notes, trajectory_events"
    connection.execute(f"CREATE ROLE lesson_reader; GRANT SELECT ON {tables} TO lesson_reader".encode())
    try:
        assert lessons(as_reader, tmp_path) == [(GUIDANCE, Lesson("studentLearning", "Look first."))]
    finally:
        connection.execute("DROP OWNED BY lesson_reader; DROP ROLE lesson_reader")
