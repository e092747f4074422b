"""Formats are known by their lines, and what is no format is named with its cure."""

import json
from typing import Any

import pytest
from support.traces.exports import session_record
from support.traces.other_makers import chat, model_call, otlp

from atlas_trainer.traces.formats.recognise import file_of_another_kind, format_of, stranger


@pytest.mark.parametrize(
    ("record", "format"),
    [
        (session_record(), "atlas"),
        ({"task": "Do"}, "atlas"),
        ({"final_answer": "Done"}, "atlas"),
        (chat(), "messages"),
        (chat(task="Do"), "messages"),
        ({"prompt": "a", "completion": "b"}, "promptCompletion"),
        (otlp(model_call()), "otel"),
        ({"prompt": "a"}, None),
        ({"messages": "a"}, None),
        ({}, None),
    ],
)
def test_a_record_shows_its_format(record: Any, format: str | None) -> None:
    assert format_of(record) == format


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"conversations": []}, "ShareGPT"),
        ({"resourceLogs": []}, "logs of OpenTelemetry; export spans"),
        ({"instruction": "a", "output": "b"}, "write each as prompt and completion"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "pairs of preferences"),
        ({"question": "a"}, "neither task, messages, prompt with completion, nor resourceSpans"),
    ],
)
def test_a_record_of_no_format_is_named(record: Any, told: str) -> None:
    assert told in stranger(record)


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
    ],
)
def test_a_file_without_lines_of_json_is_named(first_line: bytes, kind: str) -> None:
    assert kind in (file_of_another_kind(first_line) or "")


@pytest.mark.parametrize("line", [b"", b"no", b"\xff\xff", b'["a"]', b'"a, b"', b"[[[", b'{"task": ', b"a, b! c"])
def test_other_lines_say_nothing_about_their_file(line: bytes) -> None:
    assert file_of_another_kind(line) is None


def test_the_cure_is_said() -> None:
    assert (file_of_another_kind(json.dumps([chat()]).encode()) or "").endswith(
        "write one JSON object a line, without brackets and commas around them"
    )
