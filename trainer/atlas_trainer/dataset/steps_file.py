"""
The flat table of steps: one line an attempt, as JSONL, CSV or Parquet. Needs no tokenizer.

Files appear whole or not at all, by an atomic rename. Lines are written as they come; memory stays flat.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from atlas_trainer.dataset.turns import attempts_of
from atlas_trainer.storage.atomic_file import appearing
from atlas_trainer.traces.session import Session

StepLine = dict[str, Any]
"""One attempt at one step, by column."""

COLUMNS = (
    "sessionId",
    "step",
    "description",
    "attempt",
    "origin",
    "prompt",
    "output",
    "refused",
    "guidance",
    "reward",
    "task",
)
"""Names of the columns, in the order of the file."""

_BATCH = 256


def step_lines(session: Session) -> Iterator[StepLine]:
    """Yield a line for each attempt of *session*, in the order of the plan. `prompt` is a list of chat messages."""
    descriptions = {step.id: step.description for step in session.steps}
    for turn in attempts_of(session):
        yield {
            "sessionId": session.id,
            "step": turn.step,
            "description": descriptions.get(turn.step, ""),
            "attempt": turn.attempt,
            "origin": turn.origin,
            "prompt": list(turn.prompt),
            "output": turn.output,
            "refused": turn.refused,
            "guidance": turn.guidance,
            "reward": session.reward,
            "task": session.task,
        }


def write_jsonl(path: Path, lines: Iterable[StepLine]) -> None:
    """Write *lines* as one JSON object each, in ASCII, so that line separators inside texts split no line."""
    with appearing(path) as draft, draft.open("w", encoding="ascii", newline="\n") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")


def write_csv(path: Path, lines: Iterable[StepLine]) -> None:
    """Write *lines* as CSV in UTF-8, `prompt` as JSON text, what is unknown as an empty cell."""
    with appearing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for line in lines:
            writer.writerow({**line, "prompt": _text(line), "refused": json.dumps(line["refused"])})


def write_parquet(path: Path, lines: Iterable[StepLine]) -> None:
    """Write *lines* as Parquet, `prompt` as JSON text, in batches, so that no column outgrows Arrow's 2 GiB of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"step": pa.int64(), "attempt": pa.int64(), "refused": pa.bool_(), "reward": pa.float64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
    remaining = iter(lines)
    with appearing(path) as draft, pq.ParquetWriter(draft, schema) as writer:
        while batch := [{**line, "prompt": _text(line)} for line in islice(remaining, _BATCH)]:
            writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))


WRITERS: Mapping[str, Callable[[Path, Iterable[StepLine]], None]] = {
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
    ".csv": write_csv,
}
"""Suffix of a file -> function that writes it."""


def _text(line: StepLine) -> str:
    return json.dumps(line["prompt"], ensure_ascii=False)
