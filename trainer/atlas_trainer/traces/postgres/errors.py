"""
Errors of Postgres, translated into ours with the cure.

libpq's messages name host, user and database; the password is cut out.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from atlas_api.errors import (
    AccessDenied,
    AtlasError,
    InvalidManifest,
    MalformedTraces,
    SchemaMismatch,
    SourceMissing,
    SourceUnreachable,
)
from atlas_api.text import one_line


class _Cure(NamedTuple):
    words: re.Pattern[str]
    """How the message is known, in any case of letters."""

    error: type[AtlasError]
    cure: str


def _cure(words: str, error: type[AtlasError], cure: str) -> _Cure:
    return _Cure(re.compile(words, re.IGNORECASE), error, cure)


# Refusals during the start of a connection carry no SQLSTATE that libpq would pass on; poolers have their own wording.
_CURES = (
    _cure(
        r"authentication failed|no password supplied|pg_hba\.conf|role .* does not exist|no such user"
        r"|permission denied for database|not permitted to log in",
        AccessDenied,
        "the server refuses this user; correct user or password",
    ),
    _cure(
        r"database .* does not exist|no such database|tenant or user not found",
        SourceMissing,
        "correct the database name in the URL",
    ),
    _cure(
        r"statement timeout",
        SourceUnreachable,
        "reading takes longer than this role may: put options=-cstatement_timeout%3D0 into the URL, ask for a longer"
        " statement_timeout, or export the sessions to files",
    ),
    _cure(
        r"idle-in-transaction|idle.transaction.timeout|transaction timeout",
        SourceUnreachable,
        "reading is one long transaction, which waits while rows are made: put"
        " options=-cidle_in_transaction_session_timeout%3D0 into the URL, or ask for a longer time-out",
    ),
    _cure(
        r"conflict with recovery",
        SourceUnreachable,
        "the standby could not keep what was being read: read from the primary, or set hot_standby_feedback or a longer"
        " max_standby_streaming_delay there",
    ),
    _cure(
        r"lock timeout",
        SourceUnreachable,
        "another session has locked the tables; try again when it is done",
    ),
    _cure(
        r"too many (clients|connections)|connection slots|max_?client_?conn|MaxClients",
        SourceUnreachable,
        "try again when others have disconnected, or ask for more connections",
    ),
    _cure(
        r"unrecognized configuration parameter|unsupported startup parameter|invalid command-line argument"
        r"|invalid value for parameter|parameter .* cannot be (set|changed)",
        InvalidManifest,
        "correct options in the URL, or remove it: poolers take few or none",
    ),
    _cure(
        r"\binvalid .*\b(value|port)|certificate file|private key file|root certificate",
        InvalidManifest,
        "correct this parameter of the URL",
    ),
    _cure(
        r"statement pooling|cursor .* does not exist|prepared statement",
        InvalidManifest,
        "name the server itself, or a pooler that pools sessions or transactions, not statements",
    ),
    _cure(r"\bSSL\b|certificate", SourceUnreachable, "check sslmode and sslrootcert in the URL"),
    _cure(r"starting up|shutting down|terminating connection|closed the connection", SourceUnreachable, "try again"),
)
_OF_THE_SCHEMA = ("42", "3F", "0A")
"""How the codes of errors begin that say that something is not there, of another type, or not supported."""

_LONGEST = 400
"""Characters of a message that are shown."""


@contextmanager
def postgres_errors(url: str, where: str) -> Iterator[None]:
    """Turn every error of psycopg in the block into one of ours. *where* names where *url* came from."""
    try:
        yield
    except psycopg.Error as error:
        raise _translated(error, url, where) from None


def _translated(error: psycopg.Error, url: str, where: str) -> AtlasError:
    message = _one_line(error, url)
    told = f"spec.traces.postgres.urlFrom ({where}): {message}; "
    match error:
        case errors.InsufficientPrivilege():
            return AccessDenied(f"{told}grant the role SELECT on the SDK's tables")
        case errors.DataError():
            return MalformedTraces(
                f"{told}a value cannot be read, and with it none of its table: mend or delete its row"
            )
    for words, kind, cure in _CURES:
        if words.search(message):
            return InvalidManifest([told + cure]) if kind is InvalidManifest else kind(told + cure)
    match error:
        case psycopg.Error(sqlstate=str(state)) if state.startswith(_OF_THE_SCHEMA):
            return SchemaMismatch(
                f"{told}a table or column is not what the SDK makes: let it connect once, or read files"
            )
        case errors.OperationalError() if error.sqlstate is None:
            return SourceUnreachable(f"{told}check host and port, and that the server runs")
    return SourceUnreachable(f"{told}look into the log of the server, then try again")


def _one_line(error: psycopg.Error, url: str) -> str:
    message = error.diag.message_primary or next(iter(str(error).strip().splitlines()), type(error).__name__)
    password = str(conninfo_to_dict(url).get("password") or "")
    return one_line(message.replace(password, "***") if password else message, _LONGEST)
