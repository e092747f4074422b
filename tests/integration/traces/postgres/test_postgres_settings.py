"""Whatever a role, a database or its encoding is set to, the same sessions are read."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from support.sdk.rows import create_schema, insert_session, stats
from support.traces.reading import read_all, traces_of

from atlas_api.errors import SchemaMismatch


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    "setting",
    [
        "datestyle = 'German'",
        "datestyle = 'SQL, DMY'",
        "datestyle = 'Postgres, MDY'",
        "timezone = 'Asia/Kolkata'",
        "extra_float_digits = -10",
        "standard_conforming_strings = off",
        "bytea_output = 'escape'",
        "intervalstyle = 'sql_standard'",
        "lc_numeric = 'C'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "client_encoding = 'LATIN1'",
        "enable_seqscan = off",
        "quote_all_identifiers = on",
        "row_security = off",
        "search_path = public, pg_catalog",
        "search_path = public",
        "search_path = '\"$user\"', public",
        "array_nulls = off",
        "transform_null_equals = on",
        "gin_fuzzy_search_limit = 1",
        "client_min_messages = 'debug5'",
        "temp_file_limit = 0",
        "plan_cache_mode = 'force_generic_plan'",
        "session_replication_role = 'replica'",
    ],
)
def test_a_setting_changes_nothing(database_url: str, tmp_path: Path, setting: str) -> None:
    created = "2025-11-20T10:00:00.123456+02:00"
    with psycopg.connect(database_url) as connection:
        insert_session(connection, created_at=created, reward_stats=stats(0.1234567890123456), task="Größe \\S 'x'")
    before, _ = read_all(traces_of(database_url, tmp_path, min_reward=0.1))
    run(database_url, f"ALTER DATABASE {urlsplit(database_url).path[1:]} SET {setting}")
    after, _ = read_all(traces_of(database_url, tmp_path, min_reward=0.1))
    assert after == before
    assert after[0].created_at == datetime(2025, 11, 20, 8, 0, 0, 123456, UTC)
    assert after[0].reward == 0.1234567890123456


@pytest.mark.parametrize("path", ["others, public", "others, public, pg_catalog"])
def test_functions_of_others_do_not_run_in_the_place_of_postgres_own(
    database_url: str, tmp_path: Path, path: str
) -> None:
    with psycopg.connect(database_url) as connection:
        insert_session(connection)
    run(
        database_url,
        "CREATE SCHEMA others",
        "CREATE FUNCTION others.lower(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'run'; END $$",
        "CREATE FUNCTION others.jsonb_typeof(jsonb) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'run'; END $$",
        f"ALTER DATABASE {urlsplit(database_url).path[1:]} SET search_path = {path}",
    )
    sessions, _ = read_all(traces_of(database_url, tmp_path, min_reward=0.1))
    assert [session.task for session in sessions] == ["Refund order 12"]


@pytest.mark.parametrize(
    ("function", "result"),
    [
        ("unnest(bigint[])", "SETOF bigint"),
        ("unnest(text[])", "SETOF text"),
        ("lower(varchar)", "text"),
        ("jsonb_build_object(text, jsonb)", "jsonb"),
        ("cardinality(text[])", "integer"),
    ],
)
def test_a_function_of_others_that_fits_better_does_not_run_either(
    database_url: str, tmp_path: Path, function: str, result: str
) -> None:
    with psycopg.connect(database_url) as connection:
        session = insert_session(connection)
    body = "LANGUAGE plpgsql AS $$ BEGIN RAISE 'run'; END $$"
    run(
        database_url,
        "ALTER TABLE sessions ALTER COLUMN status TYPE varchar",
        f"CREATE FUNCTION public.{function} RETURNS {result} {body}",
    )
    sessions, _ = read_all(
        traces_of(database_url, tmp_path, status=("succeeded",), session_ids=(str(session),), min_reward=0.1)
    )
    assert [session.task for session in sessions] == ["Refund order 12"]


def test_tables_are_found_where_the_search_path_leads(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        insert_session(connection, task="elsewhere")
    database = urlsplit(database_url).path[1:]
    run(
        database_url,
        "ALTER SCHEMA public RENAME TO agents",
        f"ALTER DATABASE {database} SET search_path = agents",
    )
    sessions, _ = read_all(traces_of(database_url, tmp_path))
    assert [session.task for session in sessions] == ["elsewhere"]


def test_a_view_that_repeats_sessions_repeats_each_row_and_not_its_square(database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url) as connection:
        insert_session(connection)
    run(
        database_url,
        "ALTER TABLE sessions RENAME TO recorded",
        "CREATE VIEW sessions AS SELECT recorded.* FROM recorded, generate_series(1, 100)",
    )
    sessions, tally = read_all(traces_of(database_url, tmp_path))
    assert (len(sessions), tally.matched) == (100, 100)


VIEW = {
    "task": "task",
    "status": "status",
    "metadata": "metadata",
    "final_answer": "final_answer",
    "reward": "reward",
    "reward_stats": "reward_stats",
    "review_status": "review_status",
    "review_notes": "review_notes",
    "created_at": "created_at",
    "student_learning": "student_learning",
    "teacher_learning": "teacher_learning",
}


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("created_at", "created_at::timestamp", "2025-11-20T08:00:00+00:00"),
        ("created_at", "created_at::date", "2025-11-20T00:00:00+00:00"),
        ("created_at", "created_at::text", "2025-11-20T08:00:00+00:00"),
        ("created_at", "NULL::timestamptz", "None"),
        ("task", "task::varchar(3)", "Ref"),
        ("task", "task::char(8)", "Refund 1"),
        ("task", "NULL::text", ""),
        ("status", "'succeeded'::name", "succeeded"),
        ("final_answer", "final_answer::varchar", "Done"),
        ("final_answer", "NULL::text", ""),
    ],
)
def test_a_column_of_another_type_is_read_as_what_it_means(
    database_url: str, tmp_path: Path, column: str, value: str, found: str
) -> None:
    with psycopg.connect(database_url) as connection:
        insert_session(connection, task="Refund 1", final_answer="Done", created_at="2025-11-20T10:00:00+02:00")
    columns = ", ".join(f"{expression} AS {name}" for name, expression in {**VIEW, column: value}.items())
    run(
        database_url,
        "SET timezone = 'UTC'",
        "ALTER TABLE sessions RENAME TO recorded",
        f"CREATE VIEW sessions AS SELECT id, {columns} FROM recorded",
    )
    (session,), _ = read_all(traces_of(database_url, tmp_path))
    read = getattr(session, column)
    assert (read.isoformat() if isinstance(read, datetime) else str(read)) == found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("created_at", "extract(epoch FROM created_at)"),
        ("metadata", "metadata::json"),
        ("metadata", "metadata::text"),
        ("reward", "0.5"),
        ("status", "1"),
    ],
)
def test_a_column_that_means_something_else_is_no_column_of_the_sdk(
    database_url: str, tmp_path: Path, column: str, value: str
) -> None:
    columns = ", ".join(f"{expression} AS {name}" for name, expression in {**VIEW, column: value}.items())
    run(
        database_url,
        "ALTER TABLE sessions RENAME TO recorded",
        f"CREATE VIEW sessions AS SELECT id, {columns} FROM recorded",
    )
    with pytest.raises(SchemaMismatch, match="is not what the SDK makes"):
        read_all(traces_of(database_url, tmp_path))


@pytest.fixture
def ascii_url(postgres_server: str) -> Iterator[str]:
    """A database without an encoding, which takes any bytes."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE any_bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    url = postgres_server.replace("/postgres?", "/any_bytes?")
    with psycopg.connect(url) as connection:
        create_schema(connection)
    yield url
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE any_bytes WITH (FORCE)")


def test_a_row_in_another_encoding_costs_its_letters_alone(ascii_url: str, tmp_path: Path) -> None:
    with psycopg.connect(ascii_url, client_encoding="utf8") as connection:
        whole = insert_session(connection, task="Größe in UTF-8")
        odd = insert_session(connection, task="Groesse")
        after = insert_session(connection, task="danach")
        connection.execute("SET client_encoding = 'SQL_ASCII'")
        connection.execute(b"UPDATE sessions SET task = 'Gr\xf6\xdfe', final_answer = 'l\xe4uft' WHERE id = %d" % odd)
        connection.execute(
            b'UPDATE sessions SET metadata = metadata || \'{"tags": ["gr\xfcn"]}\'::jsonb WHERE id = %d' % odd
        )
    sessions, tally = read_all(traces_of(ascii_url, tmp_path))
    found: dict[int, Any] = {int(session.id): session for session in sessions}
    assert {id: session.task for id, session in found.items()} == {
        whole: "Größe in UTF-8",
        odd: "Gr\ufffd\ufffde",
        after: "danach",
    }
    assert (found[odd].final_answer, found[odd].tags) == ("l\ufffduft", ("gr\ufffdn",))
    assert [id for id, session in found.items() if "wholeCharacters" in session.missing] == [odd]
    assert tally.matched == 3
