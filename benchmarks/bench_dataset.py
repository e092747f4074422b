"""
How long each stage takes from SQL to a frozen dataset.

    python benchmarks/bench_dataset.py --sessions 10000

The sessions are those of `bench_traces`, the tokenizer is that of the demo's model. Every stage runs alone over what
the stage before has made, so the shares add up. Prints a Markdown table.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_traces import embedded_server, filled_database

from atlas_api import AtlasTraining, parse
from atlas_trainer.dataset.chat_tokens import fit_messages, prompt_text, token_counts
from atlas_trainer.dataset.dataset import build_dataset, freeze
from atlas_trainer.dataset.held_out.split import held_out
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.dataset.tokenizer import load_tokenizer
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.session import Tally
from desk.__main__ import MODEL
from desk.model import prepare_model

MANIFEST: dict[str, Any] = {
    "apiVersion": "atlas.arc.computer/v1alpha1",
    "kind": "AtlasTraining",
    "metadata": {"name": "bench"},
    "spec": {
        "model": {"source": str(MODEL)},
        "traces": {"postgres": {"urlFrom": {"env": "BENCH_URL"}}},
        "grpo": {},
        "reward": {"verifiers": [{"name": "answer", "numeric": {}}]},
        "checkpoints": {"local": {"path": "unused"}},
    },
}


def main() -> None:
    """Fill a database, time the stages, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=10_000, help="sessions in the database (10000)")
    sessions = parser.parse_args().sessions
    prepare_model(MODEL)
    with embedded_server() as server, tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_URL"] = filled_database(server, "stages", sessions)
        stages, whole = measure(Path(folder))
    total = sum(stages.values())
    print(f"\n{sessions:,} sessions\n\n| stage | seconds | share |\n|---|---|---|")
    for stage, seconds in stages.items():
        print(f"| {stage} | {seconds:.2f} | {seconds / total:.0%} |")
    print(
        f"| all stages | {total:.2f} | 100% |\n| `build_dataset` as the trainer calls it, then freeze | {whole:.2f} | |"
    )


def measure(folder: Path) -> tuple[dict[str, float], float]:
    """Seconds by stage, and of the real thing."""
    spec = parse(AtlasTraining, MANIFEST).spec
    tokenizer = load_tokenizer(spec.model)
    stages: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        stages[stage] = time.perf_counter() - start
        return result

    sessions = timed("read from Postgres", lambda: list(read_sessions(spec.traces, Tally())))
    made = timed("session to rows", lambda: [session_rows(session, spec.traces) for session in sessions])
    rows = [row for found in made if not isinstance(found, str) for row in found.rows]
    texts = timed(
        "chat template", lambda: [prompt_text(tokenizer, fit_messages(tokenizer, row.prompt)) for row in rows]
    )
    timed("tokenize", lambda: token_counts(tokenizer, texts))
    timed("split by task", lambda: held_out(rows, spec.traces.split))
    start = time.perf_counter()
    dataset = build_dataset(spec, tokenizer, Tally())
    built = time.perf_counter() - start
    timed("freeze as Parquet", lambda: freeze(dataset, folder / "dataset"))
    return stages, built + stages["freeze as Parquet"]


if __name__ == "__main__":
    main()
