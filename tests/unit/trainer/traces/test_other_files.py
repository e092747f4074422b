"""Files that are no lines of JSON in UTF-8, each as the program writes it that makes such files, are named."""

import bz2
import gzip
import io
import json
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet
import pytest
from support.traces.exports import file_traces, session_record

from atlas_api.errors import AtlasError, MalformedTraces
from atlas_trainer.traces.jsonl import read_files
from atlas_trainer.traces.session import Tally

RECORDS = [session_record(number, task=f"Größe von Auftrag {number}") for number in range(3)]
TEXT = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)
TABLE = pa.table({"task": ["a", "b"], "final_answer": ["1", "2"]})


def tar() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(TEXT.encode())
        archive.addfile(member, io.BytesIO(TEXT.encode()))
    return written.getvalue()


def zipped() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a.jsonl", TEXT)
    return written.getvalue()


def table(write: Callable[[pa.Table, io.BytesIO], None]) -> bytes:
    written = io.BytesIO()
    write(TABLE, written)
    return written.getvalue()


def sqlite() -> bytes:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE sessions (task)")
        return connection.serialize()


FILES = {
    "UTF-16": (TEXT.encode("utf-16"), "is in UTF-16; convert it"),
    "UTF-16 without a mark, little": (TEXT.encode("utf-16-le"), "is in UTF-16; convert it"),
    "UTF-16 without a mark, big": (TEXT.encode("utf-16-be"), "is in UTF-16; convert it"),
    "UTF-32": (TEXT.encode("utf-32"), "is in UTF-32; convert it"),
    "an array in one line": (json.dumps(RECORDS).encode(), "holds one JSON array"),
    "an array, indented": (json.dumps(RECORDS, indent=2).encode(), "holds one JSON array"),
    "an array, an object a line": (b"[\n" + TEXT.strip().replace("\n", ",\n").encode() + b"\n]\n", "one JSON array"),
    "an object, indented": (json.dumps(RECORDS[0], indent=2).encode(), "holds a JSON object over several lines"),
    "an object a line, with commas": (TEXT.replace("\n", ",\n").encode(), "has a comma behind each object"),
    "lines of a classic Mac": (TEXT.replace("\n", "\r").encode(), "ends its lines with carriage returns"),
    "Python's dicts": ("\n".join(map(repr, RECORDS)).encode(), "holds Python's dicts"),
    "CSV": (b"task,final_answer\na,b\n", "is a table in text (CSV)"),
    "an error page": (b"<!DOCTYPE html>\n<html><title>403 Forbidden</title></html>\n", "is a page of HTML or XML"),
    "tar": (tar(), "is a tar archive"),
    "tar.gz": (gzip.compress(tar()), "is a tar archive"),
    "zip": (zipped(), "is a ZIP archive"),
    "gzip, twice": (gzip.compress(gzip.compress(TEXT.encode())), "is compressed twice"),
    "bzip2": (bz2.compress(TEXT.encode()), "is compressed with bzip2"),
    "Parquet": (table(pa.parquet.write_table), "is a Parquet file"),
    "Arrow": (table(pa.feather.write_feather), "is an Arrow file"),
    "ORC": (table(pa.orc.write_table), "is an ORC file"),
    "SQLite": (sqlite(), "is a SQLite database"),
    "pickle": (pickle.dumps(RECORDS), "is a file of Python's pickle"),
}


@pytest.mark.parametrize(("content", "told"), FILES.values(), ids=FILES)
def test_a_file_of_another_kind_is_named_with_its_cure(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "traces").write_bytes(content)
    with pytest.raises(MalformedTraces) as caught:
        list(read_files(file_traces(tmp_path / "traces"), Tally()))
    assert told in str(caught.value)
    assert "Auftrag" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp850", "iso8859-15"])
def test_lines_in_another_encoding_say_where_and_how_to_convert_them(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(TEXT.encode(encoding))
    tally = Tally()
    assert list(read_files(file_traces(tmp_path / "x.jsonl"), tally)) == []
    place = TEXT.index("ö") + 1
    why = f"not UTF-8 at byte {place} (Latin-1? convert it with iconv -f latin1 -t utf-8)"
    assert tally.malformed == [f"x.jsonl:{number}: {why}" for number in (1, 2, 3)]
    assert why in tally.causes


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"# nothing\n", gzip.compress(b"", mtime=0)])
def test_a_file_that_holds_nothing_is_no_error_of_its_own(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    tally = Tally()
    assert list(read_files(file_traces(tmp_path / "x.jsonl"), tally)) == []
    assert tally.dropped == {}


def test_lines_of_no_format_say_what_they_look_like(tmp_path: Path) -> None:
    wrapped = {"data": RECORDS}
    (tmp_path / "x.jsonl").write_text(json.dumps(wrapped))
    tally = Tally()
    try:
        list(read_files(file_traces(tmp_path / "x.jsonl"), tally))
    except AtlasError as error:
        pytest.fail(str(error))
    assert "one object around a list of records" in tally.causes
