"""
Files of rows, Parquet or JSONL.

Files appear whole or not at all, by an atomic rename. Columns have the names of `Row.to_json`, and `split`: `train` or
`eval`. A file that is read may have been replaced by somebody else: it has the columns, and no more memory, of ours.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from atlas_api.inputs.budgets import TRACE_LINE, UNPACKED_RATIO, decode_json
from atlas_api.text import one_line
from atlas_trainer.dataset.rows import ORIGINS, Row
from atlas_trainer.storage.atomic_file import appearing
from atlas_trainer.storage.file_list import DamagedError
from atlas_trainer.traces.messages import Message

Side = Literal["train", "eval"]
LabelledRow = tuple[Row, Side]
"""A row with the side of the split that it is on."""

_BATCH = 1024
_READ_BATCH = 64
"""A smaller number of rows: one text that all rows have takes little room in the file, and much as values."""

_CODECS = {"SNAPPY", "UNCOMPRESSED"}
"""What `write_parquet` packs with. Other codecs make gigabytes out of kilobytes."""

_OPTIONAL = {"reference", "learningKey", "reward", "createdAt"}
_SHOWN = 200


def write_jsonl(path: Path, rows: Iterable[LabelledRow]) -> None:
    """Write *rows* as one JSON object a line, in ASCII, so that line separators inside texts split no line."""
    with appearing(path) as draft, draft.open("w", encoding="ascii", newline="\n") as file:
        for row, side in rows:
            file.write(json.dumps({**row.to_json(), "split": side}) + "\n")


def write_parquet(path: Path, rows: Iterable[LabelledRow]) -> None:
    """Write *rows* in batches, so that no column outgrows Arrow's 2 GiB of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    remaining = iter(rows)
    with appearing(path) as draft, pq.ParquetWriter(draft, schema) as writer:
        while batch := list(islice(remaining, _BATCH)):
            documents = [_to_columns(row, side) for row, side in batch]
            writer.write_batch(pa.RecordBatch.from_pylist(documents, schema=schema))


def read_parquet(path: Path, rows: int | None = None) -> Iterator[LabelledRow]:
    """Yield the rows that `write_parquet` wrote, in the same order: *rows* of them, where that is known.

    Raises `DamagedError` for a file that it has not written.
    """
    import pyarrow as pa

    try:
        yield from _rows_in(path, rows)
    except (pa.ArrowException, OSError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DamagedError(f"{path.name} cannot be read: {one_line(str(error), _SHOWN)}") from None


def _rows_in(path: Path, rows: int | None) -> Iterator[LabelledRow]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if not file.schema_arrow.equals(_schema()):
            raise DamagedError("it has other columns")
        if rows is not None and file.metadata.num_rows != rows:
            raise DamagedError(f"it has {file.metadata.num_rows:,} rows, not {rows:,}")
        if not _codecs(file.metadata) <= _CODECS:
            raise DamagedError("it is packed in another way")
        left = UNPACKED_RATIO * path.stat().st_size
        for batch in file.iter_batches(_READ_BATCH):
            left -= batch.nbytes
            if left < 0:
                raise DamagedError(f"it unpacks to more than {UNPACKED_RATIO:,} times its length")
            for document in batch.to_pylist():
                yield _from_columns(document)


def _codecs(metadata: Any) -> set[str]:
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    return {group.column(index).compression for group in groups for index in range(group.num_columns)}


def _schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
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


def _from_columns(document: dict[str, Any]) -> LabelledRow:
    if missing := next((name for name in document if document[name] is None and name not in _OPTIONAL), None):
        raise DamagedError(f"a row has no {missing}")
    side = document.pop("split")
    if side not in ("train", "eval") or document["origin"] not in ORIGINS:
        raise DamagedError("a row is on no side, or of no origin")
    created = document.pop("createdAt")
    prompt = [_from_struct(message) for message in document["prompt"]]
    lessons = decode_json(document["lessons"], TRACE_LINE)
    row = Row.from_json({**document, "prompt": prompt, "lessons": lessons, "createdAt": None})
    return replace(row, created_at=created), side


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
    role, content, tools = struct["role"], struct["content"], struct["tools"]
    if role is None or content is None:
        raise DamagedError("a message of a prompt has no role, or no content")
    return {"role": role, "content": content, **(decode_json(tools, TRACE_LINE) if tools else {})}
