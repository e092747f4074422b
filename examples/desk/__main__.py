"""`python -m desk`: the whole demo. `python -m desk serve-db`: only the database, to look at with other tools."""

import argparse
import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psycopg
from rich.console import Console

from desk.process import run_program
from desk.recording.postgres import running_postgres
from desk.stopwatch import Stopwatch
from desk.summary import agents, closing_table
from desk.training import TrainedModel, read_status, train, trained_model

FOLDER = Path(".demo")
MODEL = FOLDER / "model"
CHECKPOINTS = FOLDER / "checkpoints"
MANIFEST = Path("examples/laptop-grpo.yaml")
NAME = "order-desk"
"""`metadata.name` in the manifest."""

SESSIONS = 128
NEW_SESSIONS = 64

CLOSING = f"""
Next:
  make run                                               the next run, from the old and the new sessions
  PYTHONPATH=examples .venv/bin/python -m desk serve-db  keeps the database up and prints its address, then:
  atlas-core data preview -f {MANIFEST}   the rows as the model sees them
"""


def main() -> int:
    """Run the demo in the root of the repository. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m desk", description="A small agent gets better at its work.")
    parser.add_argument("command", nargs="?", choices=["run", "serve-db"], default="run")
    command = parser.parse_args().command
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    signal.signal(signal.SIGTERM, _stop)
    FOLDER.mkdir(exist_ok=True)
    console = Console()
    return run(console) if command == "run" else serve(console)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """Leave through every `with`, so that the database stops as well."""
    del frame
    sys.exit(128 + number)


def run(console: Console) -> int:
    """Record, train, work again with the new model."""
    watch = Stopwatch(console, FOLDER / "timings.json")
    with watch.phase("model", "1 of 5: the model"):
        _do("desk.model", str(MODEL))
    with ExitStack() as stack:
        with watch.phase("postgres", "2 of 5: a Postgres"):
            url = stack.enter_context(running_postgres(FOLDER / "postgres"))
            console.print(f"  data in {FOLDER / 'postgres'}")
        with watch.phase("record", "3 of 5: the agent works, its sessions are recorded"):
            _work(url, MODEL, "base", SESSIONS)
        with watch.phase("train", f"4 of 5: atlas-core run -f {MANIFEST}"):
            exit_code = train(MANIFEST, url)
        if exit_code:
            return exit_code
        trained = trained_model(read_status(CHECKPOINTS, NAME))
        with watch.phase("work again", "5 of 5: the agent works with the new model, on messages nobody has seen"):
            _work(url, trained.folder, trained.name, NEW_SESSIONS)
        _close(url, trained, console)
    return 0


def _work(url: str, model: Path, name: str, wanted: int) -> None:
    _do("desk.recording.traces", str(model), name, str(wanted), ATLAS_DB_URL=url)


def _do(module: str, *arguments: str, **environment: str) -> None:
    """A phase that loads a model, in a process of its own: training needs the memory that it took."""
    if exit_code := run_program(module, *arguments, environment=environment):
        sys.exit(exit_code)


def _close(url: str, trained: TrainedModel, console: Console) -> None:
    with psycopg.connect(url) as connection:
        console.print(closing_table(agents(connection)))
    report = trained.folder.parent / "report.html"
    for what, where in (
        ("new model", trained.folder),
        ("report", report),
        ("times", FOLDER / "timings.json"),
    ):
        console.print(f"  {what:<10} {where}", soft_wrap=True)
    console.print(CLOSING, soft_wrap=True)


def serve(console: Console) -> int:
    """Keep the database up until Ctrl-C."""
    with running_postgres(FOLDER / "postgres") as url:
        console.print(f'export ATLAS_DB_URL="{url}"', soft_wrap=True)
        console.print("until Ctrl-C", style="dim")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
