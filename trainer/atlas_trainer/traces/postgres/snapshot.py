"""One read-only snapshot of a database, on one connection. Nothing outlives its transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.types.json import set_json_loads

from atlas_trainer.traces.loose_json import decoded

CONNECT_SECONDS = 10

# Cursors are read to their end, so a plan that is quick for the first rows only is wrong. Compiling never pays here.
# The rest is what a role or a database may have set otherwise, and what our queries and the driver's readers rely on.
# Functions of Postgres come before others of their name: else those of whoever may make a schema run with our rights.
_SETTINGS = """
SET LOCAL cursor_tuple_fraction = 1; SET LOCAL jit = off;
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1;
SET LOCAL standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', pg_catalog.concat_ws(
  ', ', 'pg_catalog', nullif(pg_catalog.current_setting('search_path'), '')), true)
"""
_AS_THEY_ARE = "SET LOCAL client_encoding = 'SQL_ASCII'"
_TEXTS = ("text", "varchar", "bpchar", "name")


@contextmanager
def snapshot(url: str) -> Iterator[psycopg.Connection]:
    """A connection to the database at *url* that sees what is committed now. Unreadable JSON comes as None.

    A database of no encoding (SQL_ASCII) holds any bytes: what of them is not UTF-8 comes as U+FFFD.
    """
    options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, "client_encoding": "utf8"}
    with psycopg.connect(url, prepare_threshold=None, application_name="atlas-core", **options) as connection:
        set_json_loads(decoded, connection)
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        with connection.transaction():
            connection.execute(_SETTINGS)
            if in_any_encoding(connection):
                _take_any_bytes(connection)
            yield connection


def in_any_encoding(connection: psycopg.Connection) -> bool:
    """Whether the database has no encoding: asked for UTF-8, Postgres fails at the first row with another text."""
    return connection.info.parameter_status("server_encoding") == "SQL_ASCII"


def _take_any_bytes(connection: psycopg.Connection) -> None:
    connection.execute(_AS_THEY_ARE)
    set_json_loads(lambda content: decoded(_replaced(content)), connection)
    for name in _TEXTS:
        connection.adapters.register_loader(name, _AnyText)


class _AnyText(Loader):
    def load(self, data: Buffer) -> str:
        return _replaced(data)


def _replaced(content: Buffer | str) -> str:
    return content if isinstance(content, str) else bytes(content).decode("utf-8", "replace")
