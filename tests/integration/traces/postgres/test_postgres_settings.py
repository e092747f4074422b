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
        "xmloption = 'document'",
        "lc_numeric = 'C'",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "client_encoding = 'LATIN1'",
        "enable_seqscan = off",
        "quote_all_identifiers = on",
        "row_security = off",
        "search_path = public, pg_catalog",
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
