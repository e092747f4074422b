"""
Reading sessions as large as the SDK's runtime makes them: with their prompts, beside the loader that the SDK ships.

    python benchmarks/bench_runtime_traces.py
    python benchmarks/bench_runtime_traces.py --sessions 2000 --large 0 --peer 0 --other-tree ../before

A dozen sessions are recorded by the SDK's own runtime (scripted model; one step, with and without a retry, which is
what the SDK does by itself), then multiplied inside the server. `--other-tree` reads the same database with another
checkout of atlas-core in the same run. Time and memory are measured as in bench_traces.py. Prints a Markdown table.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
from bench_traces import embedded_server, measured_by, measured_in_turn, new_database, print_table, run_statements

RECORDED = 12
CHARACTERS = 5_000
"""Length of the answers, with which a session has about 175 kB of events, as sessions of the whole runtime had."""

SEED = 7
PACKAGES = ("crds", "operator", "trainer", "rewards", "cli")

_COPIES = "generate_series(1, %(copies)s) AS copy"
_TABLES = {
    "plans": "plan",
    "step_results": "step_id, trace, output, evaluation, attempts, metadata",
    "step_attempts": "step_id, attempt, evaluation",
    "guidance_notes": "step_id, sequence, note",
}
_COLUMNS = (
    "task, status, metadata, final_answer, reward, reward_stats, reward_audit, review_status, review_notes, created_at"
)
_MULTIPLY = (
    f"INSERT INTO sessions (id, {_COLUMNS}) SELECT copy * %(recorded)s + id, {_COLUMNS}"
    f" FROM sessions, {_COPIES} WHERE id <= %(recorded)s",
    *(
        f"INSERT INTO {table} (session_id, {columns}) SELECT copy * %(recorded)s + session_id, {columns}"
        f" FROM {table}, {_COPIES} WHERE session_id <= %(recorded)s"
        for table, columns in _TABLES.items()
    ),
    f"INSERT INTO trajectory_events (session_id, event) SELECT copy * %(recorded)s + session_id, event"
    f" FROM trajectory_events, {_COPIES} WHERE session_id <= %(recorded)s ORDER BY copy, id",
)


def main() -> None:
    """Fill databases, read them with each reader, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=2_000, help="sessions of the comparison (2000)")
    parser.add_argument("--large", type=int, default=20_000, help="sessions for the memory check; 0 skips it (20000)")
    parser.add_argument("--peer", type=int, default=500, help="sessions that the SDK's loader reads; 0 skips it (500)")
    parser.add_argument("--other-tree", type=Path, help="another checkout, which reads the same sessions")
    parser.add_argument("--record", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.record:
        _record(options.record)
    else:
        _compare(options)


def _compare(options: argparse.Namespace) -> None:
    with embedded_server() as server:
        url = _filled(server, "comparison", options.sessions)
        trees = {"ours": None} | ({"other tree": _environment(options.other_tree)} if options.other_tree else {})
        found = measured_in_turn(trees, url, options.sessions)
        ours = found[0]
        if options.peer:
            few = _filled(server, "few", options.peer)
            found += [measured_by("ours", "ours", few, options.peer), measured_by("peer", "peer", few, options.peer)]
        if options.large:
            large = _filled(server, "large", options.large)
            found.append(measured_by("ours", "ours", large, options.large))
    print_table(found, ours, "runtime-sized sessions")


def _environment(tree: Path) -> dict[str, str]:
    folders = [str((tree / package).resolve()) for package in PACKAGES]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def _filled(server: Any, name: str, sessions: int) -> str:
    """URL of a new database with *sessions* sessions."""
    url = new_database(server, name, sessions)
    # In a process of its own: the memory of this one is where that of the readers begins.
    subprocess.run([sys.executable, __file__, "--record", url], check=True)
    with psycopg.connect(url) as connection:
        for statement in _MULTIPLY:
            connection.execute(statement.encode(), {"copies": -(-sessions // RECORDED) - 1, "recorded": RECORDED})
        connection.execute(b"DELETE FROM sessions WHERE id > %s", [sessions])
        count, size = connection.execute(
            "SELECT count(*)::float / count(DISTINCT session_id), sum(length(event::text)) / count(DISTINCT session_id)"
            f" FROM trajectory_events WHERE session_id <= {RECORDED}"
        ).fetchone() or (0, 0)
    run_statements(url, "VACUUM ANALYZE")
    print(f"  {count:.0f} events a session, {size / 1000:.0f} kB", file=sys.stderr, flush=True)
    return url


def _record(url: str) -> None:
    from support.sdk.agent_function import URL
    from support.sdk.deployed_agent import courses, model_server, run_courses

    with model_server() as model:
        os.environ[URL] = model.url
        drawn = courses(SEED, 20 * RECORDED, CHARACTERS)
        run_courses(url, model, [each for each in drawn if each.mode != "stepwise" and not each.tools][:RECORDED])


if __name__ == "__main__":
    main()
