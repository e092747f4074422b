"""
Errors of Postgres, translated into ours with the cure.

libpq's messages name host, user and database; the password is cut out, and a URL that does not parse is never quoted.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from atlas_api.errors import AccessDenied, AtlasError, InvalidManifest, SourceMissing, SourceUnreachable

# Refusals during the start of a connection carry no SQLSTATE that libpq would pass on; PgBouncer has its own wording.
_REFUSED = re.compile(
    r"authentication failed|no password supplied|pg_hba\.conf|role .* does not exist|no such user"
    r"|permission denied for database|not permitted to log in"
)
_NO_DATABASE = re.compile(r"database .* does not exist|no such database")


def checked_url(url: str, where: str) -> str:
    """Return *url* as it is. Raises InvalidManifest when libpq cannot read it; *where* names where it came from."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {}
    # An "@" or ":" of a password that is not percent-encoded ends up in host or port, and would be shown with them.
    port = str(parts.get("port") or "5432").replace(",", "")
    if not parts or "@" in str(parts.get("host", "")) or not port.isdigit():
        cure = "write postgresql://user:password@host:5432/database, special characters percent-encoded"
        raise InvalidManifest([f"spec.traces.postgres.urlFrom: {where} holds no PostgreSQL URL; {cure}"])
    return url


@contextmanager
def postgres_errors(url: str, where: str) -> Iterator[None]:
    """Turn errors of psycopg in the block into SourceUnreachable, AccessDenied or SourceMissing."""
    try:
        yield
    except (psycopg.OperationalError, errors.InsufficientPrivilege) as error:
        raise _translated(error, url, where) from None


def _translated(error: psycopg.Error, url: str, where: str) -> AtlasError:
    message = _one_line(error, url)
    database = f"spec.traces.postgres.urlFrom ({where}): "
    if isinstance(error, errors.InsufficientPrivilege):
        return AccessDenied(f"{database}{message}; grant the role SELECT on the SDK's tables")
    if _REFUSED.search(message):
        return AccessDenied(f"{database}the server refuses this user: {message}; correct user or password")
    if _NO_DATABASE.search(message):
        return SourceMissing(f"{database}{message}; correct the database name in the URL")
    return SourceUnreachable(f"{database}{message}; check host and port, and that the server runs")


def _one_line(error: psycopg.Error, url: str) -> str:
    message = error.diag.message_primary or next(iter(str(error).strip().splitlines()), type(error).__name__)
    password = str(conninfo_to_dict(url).get("password") or "")
    return message.replace(password, "***") if password else message
