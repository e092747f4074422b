"""
The main job with several seeds: does the agent get better every time?

`make bench-seeds`. It records the demo's traces once if they are missing, then runs examples/laptop-grpo.yaml once a
seed, with that seed for training and for the held-out split. Checkpoints go below .demo/seeds, apart from the demo's
own. Prints a Markdown table for RESULTS.md.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import yaml

from desk.__main__ import FOLDER, MANIFEST, MODEL, NAME, SESSIONS
from desk.model import prepare_model
from desk.recording.postgres import running_postgres
from desk.recording.traces import record_traces
from desk.training import read_status, train

SEEDS = FOLDER / "seeds"


class Outcome(NamedTuple):
    """What one seed came to."""

    seed: int
    metrics: dict[str, float]
    minutes: float


def main() -> int:
    """Run every seed and print the table. Returns 1 when a run failed or success did not rise."""
    parser = argparse.ArgumentParser(description="The main job with several seeds.")
    parser.add_argument("--seeds", type=int, default=5, help="how many (default 5)")
    seeds = range(parser.parse_args().seeds)
    FOLDER.mkdir(exist_ok=True)
    prepare_model(MODEL)
    with running_postgres(FOLDER / "postgres") as url:
        with psycopg.connect(url) as connection:
            record_traces(
                connection, MODEL, "base", SESSIONS, lambda done, wanted: print(f"{done} of {wanted} recorded")
            )
        outcomes = [run_seed(seed, url) for seed in seeds]
    print(table(outcomes))
    return 0 if all(rose(outcome.metrics) for outcome in outcomes) else 1


def run_seed(seed: int, url: str) -> Outcome:
    """Train with *seed* from the beginning; what an earlier benchmark left is replaced."""
    folder = SEEDS / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    manifest = folder / "manifest.yaml"
    manifest.write_text(yaml.safe_dump(seeded(yaml.safe_load(MANIFEST.read_text()), seed, folder)))
    started = time.perf_counter()
    if exit_code := train(manifest, url):
        sys.exit(exit_code)
    minutes = (time.perf_counter() - started) / 60
    return Outcome(seed, read_status(folder / "checkpoints", NAME)["metrics"], minutes)


def seeded(document: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
    """*document* with *seed* and checkpoints below *folder*. Changed in place."""
    spec = document["spec"]
    spec["optimization"]["seed"] = seed
    spec["traces"]["split"]["seed"] = seed
    spec["checkpoints"]["local"]["path"] = str(folder / "checkpoints")
    return document


def rose(metrics: dict[str, float]) -> bool:
    """Did held-out success rise?"""
    return metrics["evalSuccess"] > metrics["baselineSuccess"]


def table(outcomes: list[Outcome]) -> str:
    """Markdown, one row a seed."""
    lines = [
        "| seed | held-out success before | after | tokens an answer before | after | minutes |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for seed, metrics, minutes in outcomes:
        before, after = metrics["baselineSuccess"], metrics["evalSuccess"]
        tokens = f"{metrics['baselineTokens']:.1f} | {metrics['evalTokens']:.1f}"
        lines.append(f"| {seed} | {before:.2f} | {after:.2f} | {tokens} | {minutes:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
