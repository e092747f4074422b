"""
Files of rows, Parquet or JSONL.

Files appear whole or not at all, by an atomic rename. Columns have the names of `Row.to_json`, and `split`: `train` or
`eval`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from atlas_api.budgets import TRACE_LINE, decode_json
from atlas_trainer.dataset.rows import Row
from atlas_trainer.storage.atomic_file import appearing
from atlas_trainer.traces.messages import Message

Side = Literal["train", "eval"]
LabelledRow = tuple[Row, Side]
"""A row with the side of the split that it is on."""

_BATCH = 1024


def write_jsonl(path: Path, rows: Iterable[LabelledRow]) -> None:
    """Write *rows* as one JSON object a line, in ASCII, so that line separators inside texts split no line."""
    with appearing(path) as draft, draft.open("w", encoding="ascii", newline="\n") as file:
        for row, side in rows:
            file.write(json.dumps({**row.to_json(), "split": side}) + "\n")


def write_parquet(path: Path, rows: Iterable[LabelledRow]) -> None:
    """Write *rows* in batches, so that no column outgrows Arrow's 2 GiB of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    schema = pa.schema(
        {
            "sessionId": text,
            "step": pa.int32(),
            "attempt": pa.int32(),
            "turn": pa.int32(),
            "task": text,
            # What belongs to tools is JSON text: arguments have other fields each time, and Arrow would merge them.
            "prompt": pa.list_(pa.struct({"role": text, "content": text, "tools": text})),
            "origin": text,
            "reference": text,
            "recorded": text,
            "refused": pa.bool_(),
            "lessons": text,  # JSON: kind and text of each
            "learningKey": text,
            "reward": pa.float64(),
            "createdAt": pa.timestamp("us", tz="UTC"),
            "split": text,
        }
    )
    remaining = iter(rows)
    with appearing(path) as draft, pq.ParquetWriter(draft, schema) as writer:
        while batch := list(islice(remaining, _BATCH)):
            documents = [_to_columns(row, side) for row, side in batch]
            writer.write_batch(pa.RecordBatch.from_pylist(documents, schema=schema))


def read_parquet(path: Path) -> Iterator[LabelledRow]:
    """Yield the rows that `write_parquet` wrote, in the same order."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH):
            for document in batch.to_pylist():
                created = document.pop("createdAt")
                prompt = [_from_struct(message) for message in document["prompt"]]
                lessons = decode_json(document["lessons"], TRACE_LINE)
                row = Row.from_json({**document, "prompt": prompt, "lessons": lessons, "createdAt": None})
                yield replace(row, created_at=created), document["split"]


def _to_columns(row: Row, side: Side) -> dict[str, Any]:
    document = row.to_json()
    return {
        **document,
        "prompt": [_to_struct(message) for message in row.prompt],
        "lessons": json.dumps(document["lessons"]),
        "createdAt": row.created_at,
        "split": side,
    }


def _to_struct(message: Message) -> dict[str, str | None]:
    tools = {name: value for name, value in message.items() if name not in ("role", "content")}
    return {
        "role": message["role"],
        "content": message["content"],
        "tools": json.dumps(tools, sort_keys=True) if tools else None,
    }


def _from_struct(struct: dict[str, str | None]) -> Message:
    tools = struct["tools"]
    return {"role": struct["role"], "content": struct["content"], **(decode_json(tools, TRACE_LINE) if tools else {})}
