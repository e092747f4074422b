"""The format of a record, and kinds of files that are often taken for lines of JSON. Pure."""

import re
from typing import Literal

from atlas_trainer.traces.formats.record import Record

Format = Literal["atlas", "messages", "promptCompletion", "otel"]
"""Format of a line, as `spec.traces.format` names it."""

_OF_THE_SDK = ("session_metadata", "steps", "plan", "final_answer")

_RELATIVES = {
    "conversations": "ShareGPT's conversations; write them as messages, each with role and content",
    "resourceLogs": "logs of OpenTelemetry; export spans, with the content of messages on them",
    "resourceMetrics": "metrics of OpenTelemetry; export spans, with the content of messages on them",
    "instruction": "instructions with outputs; write each as prompt and completion",
    "chosen": "pairs of preferences; write the chosen ones as prompt and completion",
}
"""Key by which a format is known that is not read -> its name, and the cure."""

_CELL = r'"?[A-Za-z_][\w .-]*"?'
_CSV = re.compile(rf"{_CELL}([,;\t]{_CELL})+")
_JSON_LINES = "write one JSON object a line"
_BINARY = {
    b"PAR1": f"is a Parquet file; {_JSON_LINES}",
    b"PK\x03\x04": f"is a ZIP archive; unpack it, and {_JSON_LINES}",
    b"PK\x05\x06": f"is an empty ZIP archive; {_JSON_LINES}",
    b"BZh": "is compressed with bzip2; unpack it with bunzip2, or use gzip, zstd or xz",
    b"SQLite format 3": f"is a SQLite database; {_JSON_LINES} out of its tables",
    b"\xff\xfe": "is in UTF-16; convert it with iconv -f utf-16 -t utf-8",
    b"\xfe\xff": "is in UTF-16; convert it with iconv -f utf-16 -t utf-8",
}
"""First bytes of a file -> what it is, with the cure."""


def format_of(record: Record) -> Format | None:
    """The format that *record* has. None when it has none of them."""
    if "resourceSpans" in record:
        return "otel"
    if any(name in record for name in _OF_THE_SDK):
        return "atlas"
    if isinstance(record.get("messages"), list):
        return "messages"
    if "prompt" in record and "completion" in record:
        return "promptCompletion"
    return "atlas" if "task" in record else None


def fits(record: Record, format: Format) -> bool:
    """Whether *record* can be read as *format*, though it may look more like another."""
    if format == "messages":
        return isinstance(record.get("messages"), list)
    if format == "promptCompletion":
        return "prompt" in record and "completion" in record
    return format_of(record) == format


def stranger(record: Record) -> str:
    """Name and cure for a *record* that has no format that is read."""
    known = next((told for name, told in _RELATIVES.items() if name in record), None)
    return known or "neither task, messages, prompt with completion, nor resourceSpans"


def file_of_another_kind(first_line: bytes) -> str | None:
    """What a file is, with the cure, whose first line is no object of JSON. None when that says nothing."""
    binary = next((told for magic, told in _BINARY.items() if first_line.startswith(magic)), None)
    if binary:
        return binary
    text = first_line.strip()
    if text.startswith(b"[") and text[1:].lstrip()[:1] in (b"", b"{"):
        return f"holds one JSON array, not lines; {_JSON_LINES}, without brackets and commas around them"
    if text == b"{":
        return f"holds a JSON object over several lines; {_JSON_LINES}, without line feeds inside"
    if _CSV.fullmatch(text[:10_000].decode("utf-8", "replace")):
        return f"is a table in text (CSV); {_JSON_LINES}, with the columns as names"
    return None
