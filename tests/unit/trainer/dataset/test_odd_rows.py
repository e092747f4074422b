"""A file of rows that somebody else has written is refused: other columns, other rows, too much of them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas_trainer.dataset.row_reader import LabelledRow
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.rows_file import read_parquet, write_parquet
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
        {"prompt": [[], []]},
        {"prompt": [[{"role": None, "content": "x", "tools": None}]] * 2},
        {"prompt": [[{"role": "user", "content": None, "tools": None}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": "[" * 100_000}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": "7"}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": "{"}]] * 2},
        {"lessons": ["{", "[]"]},
        {"lessons": ["[" * 100_000] * 2},
        {"lessons": ["7", "[]"]},
        {"lessons": ['[{"kind": "x"}]', "[]"]},
        {"lessons": ['[{"kind": "triage", "text": 7}]', "[]"]},
        {"lessons": ['[{"kind": ["triage"], "text": "x"}]', "[]"]},
        {"prompt": [[{"role": "user", "content": "x", "tools": '{"content": 5}'}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": '{"role": ["user"]}'}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": '{"tool_calls": 7}'}]] * 2},
        {"prompt": [[{"role": "user", "content": "x", "tools": '{"tool_calls": [{"function": "f"}]}'}]] * 2},
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


def test_a_prompt_that_repeats_a_long_text_is_refused_before_any_of_it_is_unpacked(good: Path) -> None:
    message = {"role": "user", "content": "x" * 2**20, "tools": None}
    path = repeated(good, "prompt", [[message] * 70], 2)
    with pytest.raises(DamagedError, match="a prompt has more than 67,108,864 bytes of text"):
        read(path)


def test_a_lesson_without_a_text_is_said_to_be_one(good: Path) -> None:
    with pytest.raises(DamagedError, match="a lesson is of no kind, or has no text"):
        read(rewritten(good, {"lessons": ['[{"kind": "triage"}]', "[]"]}))


def noise(number: int) -> str:
    return f"{number} {token_hex(1000)}"


def repeated(path: Path, column: str, values: list[Any], rows: int) -> Path:
    """A file of so many rows that has *values* in turn in *column*, each of them once."""
    one = pq.read_table(path).slice(0, 1)
    texts = pa.array(values, one.schema.field(column).type)
    found = texts.take(pa.array(range(rows)).cast(pa.int64()) if len(values) == rows else pa.array([0] * rows))
    table = one.take(pa.array([0] * rows))
    place = table.schema.get_field_index(column)
    pq.write_table(table.set_column(place, table.schema.field(column), found), path, dictionary_pagesize_limit=2**30)
    return path


def grown(read: Callable[[], Any]) -> int:
    """Bytes by which the process was larger at its largest than before."""
    status = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")
    before = peak(status)
    read()
    return peak(status) - before


def peak(status: Path) -> int:
    return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def test_a_long_system_prompt_that_all_rows_have_is_read_and_held_once(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    system = "You may refund. " * 4000
    prompts = ({"role": "system", "content": system}, {"role": "user", "content": "Do"})
    write_parquet(path, [(replace(ROW, prompt=prompts, session_id=str(n)), "train") for n in range(2000)])
    assert path.stat().st_size * 1000 < len(system) * 2000
    rows = read(path, 2000)
    assert [row.prompt for row, _ in rows] == [prompts] * 2000
    assert len({id(row.prompt[0]) for row, _ in rows}) == 1


@pytest.mark.parametrize("size", [1, 7, 64])
def test_rows_in_groups_of_any_size_are_read(good: Path, size: int) -> None:
    assert read(rewritten(good, {}, row_group_size=size)) == [(ROW, "train"), (ROW, "eval")]


def test_texts_too_many_for_a_dictionary_are_read_as_they_were_written(tmp_path: Path) -> None:
    rows = [replace(ROW, task=text, prompt=({"role": "user", "content": text},)) for text in map(noise, range(1500))]
    write_parquet(tmp_path / "rows.parquet", [(row, "train") for row in rows])
    assert [row for row, _ in read(tmp_path / "rows.parquet", 1500)] == rows


@pytest.mark.parametrize("column", ["task", "recorded"])
def test_a_text_that_many_rows_repeat_takes_its_memory_once(good: Path, column: str) -> None:
    path = repeated(good, column, [token_hex(500_000)], 500)
    assert grown(lambda: read(path, 500)) < 200_000_000


def test_rows_that_take_nothing_in_the_file_are_refused_before_they_take_memory(good: Path) -> None:
    path = repeated(good, "task", ["Do"], 150_000)
    assert path.stat().st_size < 20_000
    with pytest.raises(DamagedError, match="unpacks to more than 1,000 times"):
        read(path, None)


def test_a_prompt_of_more_messages_than_a_line_holds_is_refused(good: Path) -> None:
    message = {"role": "", "content": "", "tools": None}
    path = repeated(good, "prompt", [[message] * 700_000], 1)
    with pytest.raises(DamagedError, match="more than 666,666 messages"):
        read(path, None)


def test_texts_that_grow_out_of_each_other_are_refused(good: Path) -> None:
    texts = [("x" * 200_000) + str(number) for number in range(1000)]
    repeated(good, "task", texts, 1000)
    table = pq.read_table(good)
    pq.write_table(table, good, use_dictionary=False, column_encoding={"task": "DELTA_BYTE_ARRAY"})
    assert good.stat().st_size < 100_000
    with pytest.raises(DamagedError, match=r"^rows\.parquet cannot be read: "):
        read(good, None)


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
