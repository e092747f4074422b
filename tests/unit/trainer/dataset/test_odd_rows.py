"""A file of rows that somebody else has written is refused: other columns, other rows, too much of them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.rows_file import LabelledRow, read_parquet, write_parquet
from atlas_trainer.storage.file_list import DamagedError

ROW = Row(
    session_id="1", turn=0, task="Do", prompt=({"role": "user", "content": "Do"},), reference=None, recorded="Done"
)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    write_parquet(tmp_path / "rows.parquet", [(ROW, "train"), (ROW, "eval")])
    return tmp_path / "rows.parquet"


def rewritten(path: Path, change: dict[str, list[Any]], **settings: Any) -> Path:
    """The same file with other values in some columns."""
    table = pq.read_table(path)
    for name, values in change.items():
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    pq.write_table(table, path, **settings)
    return path


def read(path: Path, rows: int | None = 2) -> list[LabelledRow]:
    return list(read_parquet(path, rows))


def test_what_was_written_is_read(good: Path) -> None:
    assert read(good) == [(ROW, "train"), (ROW, "eval")]


@pytest.mark.parametrize(
    "change",
    [
        {"task": ["Do", None]},
        {"step": [0, None]},
        {"prompt": [None, None]},
        {"prompt": [[None], [None]]},
        {"prompt": [[{"role": None, "content": "x", "tools": None}]] * 2},
        {"prompt": [[{"role": "user", "content": None, "tools": None}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": "[" * 100_000}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": "7"}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": "{"}]] * 2},
        {"lessons": ["{", "[]"]},
        {"lessons": ["[" * 100_000] * 2},
        {"lessons": ["7", "[]"]},
        {"lessons": ['[{"kind": "x"}]', "[]"]},
        {"split": ["train", "test"]},
        {"split": [None, "eval"]},
        {"origin": ["made up", "recorded"]},
    ],
    ids=str,
)
def test_odd_values_are_refused(good: Path, change: dict[str, list[Any]]) -> None:
    with pytest.raises(DamagedError, match=r"^rows\.parquet cannot be read: "):
        read(rewritten(good, change))


def test_other_columns_rows_and_codecs_are_refused(good: Path, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match="it has 2 rows, not 3"):
        read(good, 3)
    pq.write_table(pq.read_table(good).drop_columns("task"), tmp_path / "other.parquet")
    with pytest.raises(DamagedError, match="it has other columns"):
        read(tmp_path / "other.parquet")
    with pytest.raises(DamagedError, match="packed in another way"):
        read(rewritten(good, {}, compression="zstd"))


def test_few_bytes_that_become_many_are_refused(good: Path, tmp_path: Path) -> None:
    row = pq.read_table(good).slice(0, 1)
    place, field = row.schema.get_field_index("recorded"), row.schema.field("recorded")
    long = row.set_column(place, field, pa.array(["x" * 100_000]))
    pq.write_table(pa.concat_tables([long] * 1000), tmp_path / "bomb.parquet")
    assert (tmp_path / "bomb.parquet").stat().st_size < 50_000
    with pytest.raises(DamagedError, match="unpacks to more than 1,000 times"):
        read(tmp_path / "bomb.parquet", None)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"{}"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.parquet").write_bytes(content)
    with pytest.raises(DamagedError, match=r"^rows\.parquet cannot be read: "):
        read(tmp_path / "rows.parquet")


def test_cut_and_flipped_files_are_refused_or_read_as_rows(good: Path) -> None:
    data = good.read_bytes()
    for place in range(0, len(data), 37):
        for damaged in (data[:place], data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]):
            good.write_bytes(damaged)
            with suppress(DamagedError):
                assert len(read(good)) == 2
