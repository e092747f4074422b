"""Kinds of files that are often taken for lines of JSON, known by their first line. Pure."""

import re

_CELL = r'"?[A-Za-z_][\w .-]*"?'
_CSV = re.compile(rf"{_CELL}([,;\t]{_CELL})+")
_LONGEST_HEADER = 10_000
_JSON_LINES = "write one JSON object a line"
_BINARY = {
    b"PAR1": f"is a Parquet file; {_JSON_LINES}",
    b"PK\x03\x04": f"is a ZIP archive; unpack it, and {_JSON_LINES}",
    b"PK\x05\x06": f"is an empty ZIP archive; {_JSON_LINES}",
    b"BZh": "is compressed with bzip2; unpack it with bunzip2, or use gzip, zstd or xz",
    b"\x04\x22\x4d\x18": "is compressed with lz4; unpack it with unlz4, or use gzip, zstd or xz",
    b"\x1f\x8b": "is compressed twice; unpack it once with gunzip",
    b"7z\xbc\xaf": f"is a 7z archive; unpack it, and {_JSON_LINES}",
    b"ARROW1": f"is an Arrow file; {_JSON_LINES}",
    b"Obj\x01": f"is an Avro file; {_JSON_LINES}",
    b"ORC": f"is an ORC file; {_JSON_LINES}",
    b"PGDMP": "is a dump of a database; restore it, and name the database in spec.traces.postgres",
    b"\x80\x04": f"is a file of Python's pickle; {_JSON_LINES}",
    b"\x80\x05": f"is a file of Python's pickle; {_JSON_LINES}",
    b"%PDF": f"is a PDF document; {_JSON_LINES}",
    b"version https://git-lfs": "is a pointer of Git LFS; fetch the file itself with git lfs pull",
    b"\x1e": f"holds a record separator in front of each object; {_JSON_LINES}, without it",
    b"data:": f"is a stream of server-sent events; {_JSON_LINES}, without data: in front",
    b"\xff\xfe\x00\x00": "is in UTF-32; convert it with iconv -f utf-32 -t utf-8",
    b"\x00\x00\xfe\xff": "is in UTF-32; convert it with iconv -f utf-32 -t utf-8",
    b"SQLite format 3": f"is a SQLite database; {_JSON_LINES} out of its tables",
    b"\xff\xfe": "is in UTF-16; convert it with iconv -f utf-16 -t utf-8",
    b"\xfe\xff": "is in UTF-16; convert it with iconv -f utf-16 -t utf-8",
    b"{\x00": "is in UTF-16; convert it with iconv -f utf-16le -t utf-8",
    b"\x00{": "is in UTF-16; convert it with iconv -f utf-16be -t utf-8",
}
"""First bytes of a file -> what it is, with the cure."""

_TOLD: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb".{257}ustar", re.DOTALL), "is a tar archive; unpack it, and name the file or the folder"),
    (re.compile(rb"\0+\Z"), "holds null bytes alone; its writer was cut off: export it again"),
    (
        re.compile(rb"\s*<(!doctype|html|\?xml|error)\b", re.IGNORECASE),
        "is a page of HTML or XML, as servers answer with when they refuse; look at it, and download it again",
    ),
    (re.compile(rb"--\s*\Z"), "is a script of SQL; run it, and name the database in spec.traces.postgres"),
    (
        re.compile(rb"\s*\[\s*(\{|\Z)"),
        f"holds one JSON array, not lines; {_JSON_LINES}, without brackets and commas around them",
    ),
    (
        re.compile(rb"\s*\{\s*\Z"),
        f"holds a JSON object over several lines; {_JSON_LINES}, without line feeds inside",
    ),
    (re.compile(rb"\s*\{['\"].*\},\s*\Z", re.DOTALL), f"has a comma behind each object; {_JSON_LINES}, without it"),
    (
        re.compile(rb"\s*\{.*\}\r\{", re.DOTALL),
        "ends its lines with carriage returns; convert it with tr '\\r' '\\n'",
    ),
    (re.compile(rb"\s*\{'"), f"holds Python's dicts; {_JSON_LINES}, with json.dumps"),
)
"""How a first line begins, or all of it -> what the file is, with the cure."""


def file_of_another_kind(first_line: bytes) -> str | None:
    """What a file is, with the cure, whose first line is no object of JSON. None when that says nothing."""
    binary = next((told for magic, told in _BINARY.items() if first_line.startswith(magic)), None)
    if binary:
        return binary
    told = next((told for pattern, told in _TOLD if pattern.match(first_line)), None)
    if told:
        return told
    if _CSV.fullmatch(first_line.strip()[:_LONGEST_HEADER].decode("utf-8", "replace")):
        return f"is a table in text (CSV); {_JSON_LINES}, with the columns as names"
    return None
