"""Errors of a database fit in one line, with the cure and without the secret."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from support.sdk.rows import insert_session
from support.traces.reading import read_all, traces_of

from atlas_api.errors import (
    AccessDenied,
    AtlasError,
    InvalidManifest,
    MalformedTraces,
    SchemaMismatch,
    SourceMissing,
    SourceUnreachable,
)
from atlas_api.secrets import SecretSource
from atlas_api.training.traces import PostgresTraces, Traces
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.session import Tally

READ_TABLES = "sessions, plans, step_results, step_attempts, guidance_notes, trajectory_events"


def failure(url: str, folder: Path) -> AtlasError:
    with pytest.raises(AtlasError) as caught:
        read_all(traces_of(url, folder))
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.fixture
def role(postgres_server: str) -> Iterator[Callable[..., str]]:
    """Makes a role with a password, and the URL of a database with it."""
    made: list[tuple[str, str]] = []

    def make(url: str, name: str, password: str = "hunter2") -> str:
        made.append((url, name))
        run(url, f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'")
        return url.replace("postgres:@", f"{name}:{password}@")

    yield make
    for url, name in made:
        run(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def test_server_that_is_down_is_unreachable(tmp_path: Path) -> None:
    error = failure(f"postgresql://me:hunter2@/db?host={tmp_path}", tmp_path)
    assert isinstance(error, SourceUnreachable)
    assert "check host and port" in str(error)
    assert isinstance(failure("postgresql://me:hunter2@127.0.0.1:1/db", tmp_path), SourceUnreachable)


def test_unknown_host_is_unreachable(tmp_path: Path) -> None:
    error = failure("postgresql://me:hunter2@no-such-host.invalid/db", tmp_path)
    assert isinstance(error, SourceUnreachable)
    assert "no-such-host.invalid" in str(error)


def test_wrong_password_is_denied(database_url: str, tmp_path: Path, role: Callable[..., str]) -> None:
    error = failure(role(database_url, "with_password", "hunter2x"), tmp_path)
    assert isinstance(error, AccessDenied)
    assert "correct user or password" in str(error)


def test_missing_password_is_denied(database_url: str, tmp_path: Path, role: Callable[..., str]) -> None:
    assert isinstance(failure(role(database_url, "with_password", ""), tmp_path), AccessDenied)


def test_right_password_reads(database_url: str, tmp_path: Path, role: Callable[..., str]) -> None:
    url = role(database_url, "with_password")
    run(database_url, f"GRANT SELECT ON {READ_TABLES} TO with_password")
    assert read_all(traces_of(url, tmp_path))[0] == []


def test_role_that_may_not_connect_is_denied(database_url: str, tmp_path: Path, role: Callable[..., str]) -> None:
    assert isinstance(failure(role(database_url, "shut_out"), tmp_path), AccessDenied)
    stranger = database_url.replace("postgres:@", "stranger:hunter2@")
    assert isinstance(failure(stranger, tmp_path), AccessDenied)


def test_unknown_database_is_missing(database_url: str, tmp_path: Path) -> None:
    error = failure(database_url.replace("/test_", "/no_test_"), tmp_path)
    assert isinstance(error, SourceMissing)
    assert "correct the database name" in str(error)


def test_missing_right_names_the_table(database_url: str, tmp_path: Path, role: Callable[..., str]) -> None:
    url = role(database_url, "half_reader")
    run(database_url, "GRANT SELECT ON sessions, plans TO half_reader")
    error = failure(url, tmp_path)
    assert isinstance(error, AccessDenied)
    assert "permission denied for table step_results" in str(error)
    assert "grant the role SELECT" in str(error)


def test_role_that_may_only_read_the_columns_that_are_read_is_enough(
    database_url: str, tmp_path: Path, role: Callable[..., str]
) -> None:
    with psycopg.connect(database_url) as connection:
        insert_session(connection)
    url = role(database_url, "column_reader")
    columns = "id, task, status, metadata, final_answer, reward, reward_stats, review_status, review_notes, created_at"
    run(
        database_url,
        "ALTER ROLE column_reader SET default_transaction_read_only = on",
        f"GRANT SELECT ({columns}) ON sessions TO column_reader",
        "GRANT SELECT (session_id, plan) ON plans TO column_reader",
        "GRANT SELECT (session_id, step_id, output, attempts) ON step_results TO column_reader",
        "GRANT SELECT ON step_attempts, guidance_notes TO column_reader",
        "GRANT SELECT (id, session_id, event) ON trajectory_events TO column_reader",
    )
    (session,), _ = read_all(traces_of(url, tmp_path))
    assert len(session.steps[0].attempts) == 2


def test_missing_column_says_what_is_there(database_url: str, tmp_path: Path) -> None:
    run(database_url, "ALTER TABLE sessions DROP review_status, DROP reward_stats CASCADE")
    error = failure(database_url, tmp_path)
    assert isinstance(error, SchemaMismatch)
    assert "lacks column sessions.review_status, column sessions.reward_stats" in str(error)
    assert "sessions (id, task, status, metadata, final_answer, reward," in str(error)


def test_missing_table_says_what_is_there(database_url: str, tmp_path: Path) -> None:
    run(database_url, "DROP TABLE step_attempts")
    error = failure(database_url, tmp_path)
    assert isinstance(error, SchemaMismatch)
    assert "lacks table step_attempts" in str(error)
    assert "it has sessions, plans, step_results, guidance_notes, trajectory_events" in str(error)


def test_database_of_somebody_else_has_none_of_the_tables(postgres_server: str, tmp_path: Path) -> None:
    error = failure(postgres_server, tmp_path)
    assert isinstance(error, SchemaMismatch)
    assert "none that this role can see" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "'postgresql://me:hunter2@host/db'",
        "psql postgresql://me:hunter2@host/db",
        "postgresql://me:hun/ter2@host/hunter2",
        "postgresql://me:hunter2@host:port/db",
        "postgresql://me:p@hunter2@host/db",
        "postgresql://me:hunter2%@host/db",
        "mysql://me:hunter2@host/db",
    ],
)
def test_url_that_is_none_is_refused_without_being_shown(url: str, tmp_path: Path) -> None:
    error = failure(url, tmp_path)
    assert isinstance(error, InvalidManifest)
    assert "postgresql://user:password@host:5432/database" in str(error)


@pytest.mark.parametrize("form", ["postgresql+asyncpg://", "postgres+psycopg2://", "jdbc:postgresql://"])
def test_what_other_drivers_write_into_a_url_is_left_out_with_a_word(
    database_url: str, tmp_path: Path, form: str
) -> None:
    url = database_url.replace("postgresql://", form) + "&pgbouncer=true&schema=public"
    sessions, tally = read_all(traces_of(url, tmp_path))
    driver = ("asyncpg",) if "asyncpg" in form else ("psycopg2",) if "psycopg2" in form else ()
    assert (sessions, tally.ignored) == ([], (*driver, "pgbouncer", "schema"))


def test_missing_url_names_where_it_was_expected() -> None:
    traces = Traces(postgres=PostgresTraces(url_from=SecretSource(env="ATLAS_NO_SUCH_URL")))
    with pytest.raises(SourceMissing, match="ATLAS_NO_SUCH_URL"):
        read_all(traces)


@pytest.fixture
def many_sessions(database_url: str) -> str:
    """More sessions than one fetch holds."""
    with psycopg.connect(database_url) as connection:
        for number in range(250):
            insert_session(connection, task=f"task {number}")
    return database_url


def test_connection_lost_in_the_middle_is_unreachable(many_sessions: str, tmp_path: Path) -> None:
    sessions = read_sessions(traces_of(many_sessions, tmp_path), Tally())
    next(sessions)
    run(many_sessions, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'atlas-core'")
    with pytest.raises(SourceUnreachable):
        list(sessions)


def test_what_changes_while_reading_is_not_seen(many_sessions: str, tmp_path: Path) -> None:
    tally = Tally()
    sessions = read_sessions(traces_of(many_sessions, tmp_path), tally)
    first = next(sessions)
    run(many_sessions, "DELETE FROM sessions")
    others = list(sessions)
    assert [session.task for session in [first, *others]] == [f"task {number}" for number in range(250)]
    assert all(len(session.steps[0].attempts) == 2 for session in others)
    assert tally.matched == 250


def test_reading_that_stops_early_leaves_no_connection(many_sessions: str, tmp_path: Path) -> None:
    sessions: Any = read_sessions(traces_of(many_sessions, tmp_path), Tally())
    next(sessions)
    sessions.close()
    with psycopg.connect(many_sessions) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atlas-core' AND state <> 'idle'"
        assert connection.execute(query).fetchone() == (0,)


def test_all_statements_are_in_one_transaction_and_read_each_table_once(many_sessions: str, tmp_path: Path) -> None:
    database = urlsplit(many_sessions)
    log = Path(parse_qs(database.query)["host"][0]) / "log"
    start = log.stat().st_size
    run(many_sessions, f"ALTER DATABASE {database.path[1:]} SET log_statement = 'all'")
    read_all(traces_of(many_sessions, tmp_path))
    lines = log.read_bytes()[start:].decode().splitlines()
    (process,) = {line.split("[")[1].split("]")[0] for line in lines if "READ ONLY" in line}
    statements = [line.split("LOG:  ")[1] for line in lines if f"[{process}] LOG:  " in line]
    assert statements[0].endswith("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    assert statements[-1].endswith("COMMIT")
    assert sum("COMMIT" in line or "BEGIN" in line for line in statements) == 2
    assert sum("DECLARE" in line for line in statements) == 6
    assert not any("PREPARE" in line or ("execute <" in line and "<unnamed>" not in line) for line in statements)
    assert not any("SET" in line.split() and "LOCAL" not in line for line in statements)


class Raised(NamedTuple):
    state: str
    message: str
    error: type[AtlasError]
    cure: str


RAISED = [
    Raised("40001", "canceling statement due to conflict with recovery", SourceUnreachable, "read from the primary"),
    Raised(
        "57014", "canceling statement due to statement timeout", SourceUnreachable, "options=-cstatement_timeout%3D0"
    ),
    Raised("57014", "canceling statement due to user request", SourceUnreachable, "look into the log"),
    Raised(
        "25P03", "terminating connection due to idle-in-transaction timeout", SourceUnreachable, "idle_in_transaction"
    ),
    Raised("25P04", "terminating connection due to transaction timeout", SourceUnreachable, "one long transaction"),
    Raised("55P03", "canceling statement due to lock timeout", SourceUnreachable, "another session has locked"),
    Raised("57P01", "terminating connection due to administrator command", SourceUnreachable, "try again"),
    Raised("53100", "could not extend file: No space left on device", SourceUnreachable, "look into the log"),
    Raised("53200", "out of memory", SourceUnreachable, "look into the log"),
    Raised("XX000", "could not read block 0", SourceUnreachable, "look into the log"),
    Raised("XX001", "invalid page in block 0 of relation base/1/2", SourceUnreachable, "look into the log"),
    Raised("58030", "could not open file: Input/output error", SourceUnreachable, "look into the log"),
    Raised("22021", 'invalid byte sequence for encoding "UTF8": 0xff', MalformedTraces, "mend or delete its row"),
    Raised("22P05", "unsupported Unicode escape sequence", MalformedTraces, "mend or delete its row"),
    Raised("22003", "value out of range", MalformedTraces, "mend or delete its row"),
    Raised("42883", "operator does not exist: json || jsonb", SchemaMismatch, "is not what the SDK makes"),
    Raised("42804", "a type does not match", SchemaMismatch, "is not what the SDK makes"),
    Raised("42P01", 'relation "x" does not exist', SchemaMismatch, "is not what the SDK makes"),
    Raised("0A000", "cursors are not supported", SchemaMismatch, "is not what the SDK makes"),
    Raised("42501", "permission denied for function f", AccessDenied, "grant the role SELECT"),
    Raised("P0001", "no reading on Sundays", SourceUnreachable, "look into the log"),
    Raised("34000", 'cursor "atlas_sessions" does not exist', InvalidManifest, "not statements"),
    Raised("23505", "duplicate key", SourceUnreachable, "look into the log"),
    Raised("ZZ999", "what nobody knows\n  and more in a second line", SourceUnreachable, "look into the log"),
]


@pytest.mark.parametrize("raised", [pytest.param(one, id=f"{one.state} {one.message[:40]}") for one in RAISED])
def test_every_error_of_the_server_is_one_sentence_with_its_cure(
    many_sessions: str, tmp_path: Path, raised: Raised
) -> None:
    """The server itself raises them, in the middle of the rows."""
    raising = f"BEGIN RAISE EXCEPTION USING ERRCODE = '{raised.state}', MESSAGE = '{raised.message}'; END"
    run(
        many_sessions,
        f"CREATE FUNCTION fails() RETURNS text LANGUAGE plpgsql AS $$ {raising} $$",
        "ALTER TABLE sessions RENAME TO recorded",
        "CREATE VIEW sessions AS SELECT id, CASE WHEN id > 150 THEN fails() ELSE task END AS task, status, metadata,"
        " final_answer, reward, reward_stats, review_status, review_notes, created_at, student_learning,"
        " teacher_learning FROM recorded",
    )
    found = failure(many_sessions, tmp_path)
    assert type(found) is raised.error
    assert " ".join(raised.message.split())[:30] in str(found)
    assert raised.cure in str(found)


def test_a_statement_that_takes_too_long_says_how_to_read_all_the_same(many_sessions: str, tmp_path: Path) -> None:
    run(
        many_sessions,
        f"ALTER DATABASE {urlsplit(many_sessions).path[1:]} SET statement_timeout = '1s'",
        "CREATE FUNCTION slow(task text) RETURNS text LANGUAGE sql AS 'SELECT task FROM pg_sleep(0.01)'",
        "ALTER TABLE sessions RENAME TO recorded",
        "CREATE VIEW sessions AS SELECT id, slow(task) AS task, status, metadata, final_answer, reward, reward_stats,"
        " review_status, review_notes, created_at, student_learning, teacher_learning FROM recorded",
    )
    assert "put options=-cstatement_timeout%3D0 into the URL" in str(failure(many_sessions, tmp_path))
    sessions, _ = read_all(traces_of(many_sessions + "&options=-cstatement_timeout%3D0", tmp_path))
    assert len(sessions) == 250


def test_a_reader_that_waits_too_long_is_told_why_the_server_hung_up(many_sessions: str, tmp_path: Path) -> None:
    name = urlsplit(many_sessions).path[1:]
    run(many_sessions, f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '50ms'")
    sessions = read_sessions(traces_of(many_sessions, tmp_path), Tally())
    next(sessions)
    with psycopg.connect(many_sessions, autocommit=True) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'atlas-core' AND datname = %s"
        while connection.execute(query, [name]).fetchone() != (0,):
            pass
    with pytest.raises(
        SourceUnreachable, match=r"idle_in_transaction_session_timeout%3D0 into the URL|try again"
    ) as told:
        list(sessions)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("parameter", "cure"),
    [
        ("options=-cno_such_setting%3D1", "correct options in the URL"),
        ("options=-cstatement_timeout%3Dsoon", "correct options in the URL"),
        ("sslmode=please", "correct this parameter of the URL"),
        ("port=99999", "correct this parameter of the URL"),
    ],
)
def test_a_parameter_that_does_not_work_is_told_apart_from_a_server_that_does_not_answer(
    database_url: str, tmp_path: Path, parameter: str, cure: str
) -> None:
    assert cure in str(failure(f"{database_url}&{parameter}", tmp_path))
