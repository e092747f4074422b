"""
Work that leaves traces: an agent answers tasks batch by batch, and every batch is recorded when it is done.

What was recorded stays when the work is interrupted. `python -m desk.recording.traces MODEL_FOLDER NAME SESSIONS` does
it, on the database at `ATLAS_DB_URL`.
"""

import os
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import psycopg

from desk.agent import Agent
from desk.recording.recorder import Connection, count_sessions, create_tables, record, recorded_messages
from desk.recording.review import reviews
from desk.shift import BATCH, work
from desk.tasks import tasks

Advance = Callable[[int, int], None]
"""Function that is told how many of how many sessions are recorded."""

SEED = 17


def record_traces(connection: Connection, folder: Path, model: str, wanted: int, advance: Advance) -> None:
    """Let the model in *folder* answer new tasks until *wanted* sessions of the agent *model* are recorded."""
    create_tables(connection)
    done = count_sessions(connection, model)
    if done >= wanted:
        return
    known = recorded_messages(connection)
    connection.commit()
    upcoming = tasks(SEED, known)
    agent = Agent(folder)
    while done < wanted:
        visits = work(agent, list(islice(upcoming, min(BATCH, wanted - done))))
        record(connection, visits, reviews(visits), model)
        done += len(visits)
        advance(done, wanted)


def main() -> None:
    """Work as the command line says."""
    folder, model, wanted = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    with psycopg.connect(os.environ["ATLAS_DB_URL"]) as connection:
        record_traces(connection, folder, model, wanted, _say)
        recorded = count_sessions(connection, model)
    print(f"  {recorded} sessions of the agent {model} are in the database", flush=True)


def _say(done: int, wanted: int) -> None:
    print(f"  {done} of {wanted} sessions recorded", flush=True)


if __name__ == "__main__":
    main()
