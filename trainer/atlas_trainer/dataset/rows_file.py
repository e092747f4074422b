"""
Files of rows, Parquet or JSONL.

Files appear whole or not at all, by an atomic rename. Columns have the names of `Row.to_json`, and `split`: `train` or
`eval`. A file that is read may have been replaced by somebody else: it has the columns of ours, and equal texts are
held once, since a few bytes of a file can repeat a long one without end.
"""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from atlas_api.inputs.budgets import TRACE_LINE, UNPACKED_FREELY, UNPACKED_RATIO
from atlas_api.text import one_line
from atlas_trainer.dataset.row_reader import LabelledRow, RowReader, Side
from atlas_trainer.dataset.rows import Row
from atlas_trainer.storage.atomic_file import appearing
from atlas_trainer.storage.file_list import DamagedError
from atlas_trainer.traces.messages import Message

_BATCH = 1024
_READ_BATCH = 64

_CODECS = {"SNAPPY", "UNCOMPRESSED"}
"""What `write_parquet` packs with. Other codecs make gigabytes out of kilobytes."""

_MESSAGE = ("role", "content", "tools")
_MOST_MESSAGES = TRACE_LINE.values // len(_MESSAGE)
"""Messages of one prompt, which comes from one line of traces."""

_ROW_BYTES = 1000
_MESSAGE_BYTES = 8
"""What a row, and one more place of a message, cost beside their texts: a file has both for less than a byte."""

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

    schema, metadata = _schema(), pq.read_metadata(path)
    if not metadata.schema.to_arrow_schema().equals(schema):
        raise DamagedError("it has other columns")
    if rows is not None and metadata.num_rows != rows:
        raise DamagedError(f"it has {metadata.num_rows:,} rows, not {rows:,}")
    if not _codecs(metadata) <= _CODECS:
        raise DamagedError("it is packed in another way")
    # Texts that rows share stay shared while they are read. Encodings that make texts out of others cannot be read so.
    with pq.ParquetFile(path, metadata=metadata, read_dictionary=_texts(schema)) as file:
        reader = RowReader()
        most = UNPACKED_FREELY + UNPACKED_RATIO * path.stat().st_size
        _require(_ROW_BYTES * metadata.num_rows <= most)
        for batch in _batches(file):
            messages = _messages(batch)
            most -= _ROW_BYTES * batch.num_rows + _MESSAGE_BYTES * messages
            for document in _documents(batch, messages):
                yield reader.read(document)
                _require(reader.held <= most)


def _batches(file: Any) -> Iterator[Any]:
    for group in range(file.num_row_groups):  # by themselves: messages of two groups cannot be in one batch
        yield from file.iter_batches(_READ_BATCH, row_groups=[group])


def _require(fits: bool) -> None:
    if not fits:
        raise DamagedError(f"it unpacks to more than {UNPACKED_RATIO:,} times its length")


def _documents(batch: Any, messages: int) -> Iterator[dict[str, Any]]:
    """The rows of *batch*, few at a time where its texts are long: as Python's, those that rows share are apart."""
    texts = 1 + messages // max(1, batch.num_rows)
    step = min(batch.num_rows, max(1, UNPACKED_FREELY // (1 + texts * batch.nbytes)))
    for place in range(0, batch.num_rows, step):
        yield from batch.slice(place, step).to_pylist()


def _texts(schema: Any) -> list[str]:
    """Paths of the columns of texts, as Parquet names them."""
    import pyarrow as pa

    plain = [field.name for field in schema if field.type == pa.string()]
    return [*plain, *(f"prompt.list.element.{name}" for name in _MESSAGE)]


def _messages(batch: Any) -> int:
    """Number of messages in *batch*. Raises DamagedError where one prompt has more messages or text than any has."""
    import numpy as np

    prompts = batch.column("prompt")
    counts = prompts.value_lengths().fill_null(0).to_numpy()
    if max(counts, default=0) > _MOST_MESSAGES:
        raise DamagedError(f"a prompt has more than {_MOST_MESSAGES:,} messages")
    rows = np.repeat(np.arange(batch.num_rows), counts)
    texts = sum(_lengths(column) for column in prompts.flatten().flatten())
    if len(rows) and np.bincount(rows, weights=texts).max() > UNPACKED_FREELY:
        raise DamagedError(f"a prompt has more than {UNPACKED_FREELY:,} bytes of text")
    return int(counts.sum())


def _lengths(texts: Any) -> Any:
    """Bytes of each of *texts*, an Arrow array with a dictionary, as numpy's numbers: nothing is unpacked."""
    import pyarrow.compute as pc

    return pc.binary_length(texts.dictionary).take(texts.indices).fill_null(0).to_numpy(zero_copy_only=False)


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
            "prompt": pa.list_(pa.struct(dict.fromkeys(_MESSAGE, text))),
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
