"""Files that are taken for lines of JSON are named with their cure."""

import json

import pytest
from support.traces.other_makers import chat

from atlas_trainer.traces.formats.file_kinds import file_of_another_kind


@pytest.mark.parametrize(
    ("first_line", "kind"),
    [
        (b"PAR1\x15\x04\x15", "is a Parquet file"),
        (b"PK\x03\x04\x14", "is a ZIP archive; unpack it"),
        (b"PK\x05\x06\x00", "is an empty ZIP archive"),
        (b"BZh91AY&SY", "is compressed with bzip2; unpack it with bunzip2, or use gzip, zstd or xz"),
        (b"SQLite format 3\x00\x10", "is a SQLite database"),
        ('{"task": "a"}'.encode("utf-16"), "is in UTF-16; convert it with iconv -f utf-16 -t utf-8"),
        (b"\xfe\xff\x00{", "is in UTF-16"),
        (b'[{"task": "a"}, {"task": "b"}]', "holds one JSON array, not lines"),
        (b"[", "holds one JSON array, not lines"),
        (b'[{"task": "a"},', "holds one JSON array, not lines"),
        (b"{\r", "holds a JSON object over several lines"),
        (b"task,final_answer", "is a table in text (CSV)"),
        (b'"task";"final answer";reward\r', "is a table in text (CSV)"),
        ('{"task": "a"}'.encode("utf-16-le"), "is in UTF-16; convert it with iconv -f utf-16le"),
        ('{"task": "a"}'.encode("utf-16-be"), "is in UTF-16; convert it with iconv -f utf-16be"),
        ('{"task": "a"}'.encode("utf-32"), "is in UTF-32"),
        (b"a.jsonl" + b"\0" * 250 + b"ustar  \0" + b"root" + b'\0{"task": "a"}', "is a tar archive; unpack it"),
        (b"\x04\x22\x4d\x18d@\xa7", "is compressed with lz4"),
        (b"\x1f\x8b\x08\x00", "is compressed twice"),
        (b"7z\xbc\xaf'\x1c", "is a 7z archive"),
        (b"ARROW1\0\0", "is an Arrow file"),
        (b"Obj\x01\x04\x16avro.schema", "is an Avro file"),
        (b"ORC", "is an ORC file"),
        (b"PGDMP\x01\x0e", "is a dump of a database; restore it"),
        (b"--", "is a script of SQL; run it"),
        (b"\x80\x04\x95\x1a", "is a file of Python's pickle"),
        (b"%PDF-1.7", "is a PDF document"),
        (b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS; fetch the file itself"),
        (b'\x1e{"task": "a"}', "holds a record separator in front of each object"),
        (b'data: {"task": "a"}', "is a stream of server-sent events"),
        (b"\0" * 4096, "holds null bytes alone"),
        (b"<!DOCTYPE html>", "is a page of HTML or XML"),
        (b"<html><head><title>403 Forbidden</title></head>", "is a page of HTML or XML"),
        (b'\n  <?xml version="1.0" encoding="UTF-8"?>', "is a page of HTML or XML"),
        (b"<Error><Code>AccessDenied</Code></Error>", "is a page of HTML or XML"),
        (b'{"task": "a"},', "has a comma behind each object"),
        (b"{'task': 'a'}", "holds Python's dicts; write one JSON object a line, with json.dumps"),
        (b'{"task": "a"}\r{"task": "b"}', "ends its lines with carriage returns; convert it with tr"),
    ],
)
def test_a_file_without_lines_of_json_is_named(first_line: bytes, kind: str) -> None:
    assert kind in (file_of_another_kind(first_line) or "")


@pytest.mark.parametrize(
    "line",
    [b"", b"no", b"\xff\xff", b'["a"]', b'"a, b"', b"[[[", b'{"task": ', b"a, b! c", b"<think>", b"-- note", b"\0a"],
)
def test_other_lines_say_nothing_about_their_file(line: bytes) -> None:
    assert file_of_another_kind(line) is None


def test_the_cure_is_said() -> None:
    assert (file_of_another_kind(json.dumps([chat()]).encode()) or "").endswith(
        "write one JSON object a line, without brackets and commas around them"
    )
