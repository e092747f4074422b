"""One read-only snapshot of a database, on one connection. Nothing outlives its transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.json import set_json_loads

from atlas_trainer.traces.loose_json import decoded

CONNECT_SECONDS = 10

# Cursors are read to their end, so a plan that is quick for the first rows only is wrong. Compiling never pays here.
_SETTINGS = "SET LOCAL cursor_tuple_fraction = 1; SET LOCAL jit = off; SET LOCAL timezone = 'UTC'"


@contextmanager
def snapshot(url: str) -> Iterator[psycopg.Connection]:
    """A connection to the database at *url* that sees what is committed now. Unreadable JSON comes as None."""
    options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"}
    with psycopg.connect(url, prepare_threshold=None, application_name="atlas-core", **options) as connection:
        set_json_loads(decoded, connection)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            connection.execute(_SETTINGS)
            yield connection
