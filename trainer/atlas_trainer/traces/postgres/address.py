"""
The URL of a database, as libpq takes it; what other drivers write into it is left out or named. Pure.

A URL holds a password, and one that cannot be read may hold it anywhere: nothing of it is quoted but its scheme, and
the names of parameters that stand behind a whole host.
"""

import re
from typing import NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict

from atlas_api.errors import InvalidManifest


class Address(NamedTuple):
    """A URL that libpq can read."""

    url: str
    ignored: tuple[str, ...]
    """What was left out of it, since it concerns other drivers alone."""


_POSTGRES = re.compile(r"(?:jdbc:)?postgres(?:ql)?(?:\+(\w{1,40}))?://", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}(?=://)")
_UNKNOWN = re.compile(r'invalid URI query parameter: "(\w{1,40})"', re.ASCII)
_SERVER = re.compile(r"[^:]*(:[0-9,]*)?(/[^:]*)?")
"""Host, port and database. Anything else may hold a password."""

# fmt: off
_IGNORED = frozenset({
    "ApplicationName", "async_fallback", "binaryTransfer", "command_timeout", "connection_limit", "loginTimeout",
    "max_overflow", "pgbouncer", "pool_mode", "pool_pre_ping", "pool_recycle", "pool_size", "pool_timeout",
    "poolclass", "prepareThreshold", "preparedStatementCacheQueries", "prepared_statement_cache_size",
    "prepared_statement_name_func", "reWriteBatchedInserts", "socketTimeout", "socket_timeout",
    "statement_cache_size", "supa", "tcpKeepAlive", "timeout", "workaround",
})
# fmt: on
"""Parameters of SQLAlchemy, asyncpg, Prisma, JDBC and hosts that say how those keep connections."""

_SCHEMA = frozenset({"schema", "currentSchema", "search_path"})
_INSTEAD = {
    **dict.fromkeys(_SCHEMA, "options=-csearch_path%3DNAME"),
    "ssl": "sslmode=require",
    "sslaccept": "sslmode=verify-full or sslmode=require",
    "sslfactory": "sslmode=verify-full or sslmode=require",
    "sslidentity": "sslcert and sslkey",
    "connectTimeout": "connect_timeout",
    "statement_timeout": "options=-cstatement_timeout%3DMILLISECONDS",
    "server_settings": "options=-cNAME%3DVALUE",
    "charset": "nothing: texts are asked for in UTF-8",
}
"""Parameters of other drivers that mean something -> what libpq calls it."""

_WRONG = {
    "unexpected spaces": "it has a space or a line break inside; write %20, or put the URL alone there",
    "invalid percent-encoded token": "a % without two hexadecimal digits behind it; write %25 for a % of the password",
    "missing key/value separator": "a parameter without a value; write name=value",
    "extra key/value separator": "a parameter with a second =; write %3D for it",
    "invalid URI query parameter": "it has a parameter that libpq does not know",
    "end of string reached": "the bracket of its IPv6 address is not closed",
}
"""How libpq's words begin, which quote parts of the URL -> the same without."""

_FORM = "write postgresql://user:password@host:5432/database, special characters percent-encoded"


def read_address(text: str, where: str) -> Address:
    """The URL in *text*; *where* names where it came from. Raises InvalidManifest, which says what is wrong with it."""
    match = _POSTGRES.match(text)
    if match is None:
        return Address(_checked(text, where), ())
    base, parameters = _parts(text[match.end() :])
    names = [name for name, _, value in parameters if name in _IGNORED or (name in _SCHEMA and value == "public")]
    kept = [name + mark + value for name, mark, value in parameters if name not in names]
    url = "postgresql://" + base + ("?" + "&".join(kept) if kept else "")
    return Address(_checked(url, where), (*([match[1]] if match[1] else []), *names))


def _parts(rest: str) -> tuple[str, list[tuple[str, str, str]]]:
    """Credentials, host and database in one, and the parameters. A `?` in a password is none that begins parameters."""
    credentials = re.match(r"[^/@]*@", rest)
    place = rest.find("?", credentials.end() if credentials else 0)
    if place < 0:
        return rest, []
    return rest[:place], [pair.partition("=") for pair in rest[place + 1 :].split("&") if pair]


def _checked(url: str, where: str) -> str:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise _refusal(where, _problem(url, str(error))) from None
    if "@" in str(parts.get("host", "")):
        raise _refusal(where, "its host has an @, which belongs to the password; write %40 there")
    # A "/" or ":" of a password that is not percent-encoded ends up in the port, and would be shown with it.
    if not str(parts.get("port") or "5432").replace(",", "").isdigit():
        raise _refusal(where, "its port is no number; in a password write %2F for a / and %3A for a :")
    return url


def _problem(url: str, said: str) -> str:
    """What is wrong with *url*, of which libpq has *said* something that may quote it."""
    scheme = _SCHEME.match(url)
    if url[:1] in ("'", '"'):
        return "it is in quotes; take them off"
    if scheme and _POSTGRES.match(url) is None:
        return f"{scheme[0]}:// is no scheme of PostgreSQL"
    parameter = _UNKNOWN.match(said)
    if parameter and parameter[1] in _INSTEAD:
        return f"the parameter {parameter[1]} is of another driver; write {_INSTEAD[parameter[1]]}"
    if parameter and _server_is_whole(url):
        return f"libpq knows no parameter {parameter[1]}; correct its name, or remove it"
    return next((words for start, words in _WRONG.items() if said.startswith(start)), "it begins like no URL")


def _server_is_whole(url: str) -> bool:
    base, parameters = _parts(url.partition("://")[2])
    return bool(_SERVER.fullmatch(base.rpartition("@")[2])) and not any("@" in value for _, _, value in parameters)


def _refusal(where: str, problem: str) -> InvalidManifest:
    return InvalidManifest([f"spec.traces.postgres.urlFrom: {where} holds no PostgreSQL URL: {problem}; {_FORM}"])
