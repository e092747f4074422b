"""Exports on disk are read whole, and what cannot be read is named."""

import ctypes
import gzip
import json
import lzma
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard
from support.traces.exports import EVERYTHING, file_traces, jsonl, metadata, session_record

from atlas_api.errors import AccessDenied, MalformedTraces, SourceMissing
from atlas_api.training.traces import TraceFilter, Traces
from atlas_trainer.traces.jsonl import read_files
from atlas_trainer.traces.session import Session, Tally


def read(traces: Traces) -> tuple[list[Session], Tally]:
    tally = Tally()
    return list(read_files(traces, tally)), tally


def read_bytes(folder: Path, data: bytes, **fields: Any) -> tuple[list[Session], Tally]:
    path = folder / "export.jsonl"
    path.write_bytes(data)
    return read(file_traces(path, **{"filter": EVERYTHING, **fields}))


# Ids


def test_an_id_that_was_seen_before_gives_way_to_the_place_of_the_line(tmp_path: Path) -> None:
    shadowed = session_record(session_metadata=metadata(session_id="ticket-1"))
    sessions, _ = read_bytes(tmp_path, jsonl(shadowed, shadowed, session_record(9), session_record(9), {"task": "Do"}))
    assert [session.id for session in sessions] == [
        "ticket-1",
        "export.jsonl:2",
        "9",
        "export.jsonl:4",
        "export.jsonl:5",
    ]


def test_ids_are_unique_over_all_files_of_a_source(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl"):
        (tmp_path / name).write_bytes(jsonl(session_record(1)))
    sessions, _ = read(file_traces(tmp_path))
    assert [session.id for session in sessions] == ["1", "b.jsonl:1"]


def test_names_that_are_no_text_give_ids_that_are(tmp_path: Path) -> None:
    anonymous = session_record(session_metadata={})
    for name in (b"\xff.jsonl", b"\xfe.jsonl"):
        (tmp_path / os.fsdecode(name)).write_bytes(jsonl(anonymous))
    sessions, _ = read(file_traces(tmp_path))
    assert [session.id for session in sessions] == [r"\xfe.jsonl:1", r"\xff.jsonl:1"]


# Files


def test_a_folder_is_searched_for_exports_of_any_compression_in_the_order_of_paths(tmp_path: Path) -> None:
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(session_record(1))))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(jsonl(session_record(2))))
    (tmp_path / "c.jsonl.xz").write_bytes(lzma.compress(jsonl(session_record(3))))
    (tmp_path / "d.jsonl").write_bytes(jsonl(session_record(4)))
    (tmp_path / "notes.txt").write_text("no export")

    sessions, tally = read(file_traces(tmp_path))

    assert [session.id for session in sessions] == ["1", "2", "3", "4"]
    assert tally.malformed == []


def test_hidden_folders_are_left_out_since_volumes_keep_the_files_behind_links_there(tmp_path: Path) -> None:
    (tmp_path / "..2026_10_01").mkdir()
    (tmp_path / "..2026_10_01" / "a.jsonl").write_bytes(jsonl(session_record(1)))
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "..2026_10_01" / "a.jsonl")
    sessions, _ = read(file_traces(tmp_path))
    assert [session.id for session in sessions] == ["1"]


def test_a_single_file_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "traces.dump"
    path.write_bytes(gzip.compress(jsonl(session_record(1))))
    sessions, _ = read(file_traces(path))
    assert [session.id for session in sessions] == ["1"]


def test_an_empty_file_holds_no_sessions_and_no_error(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"")[0] == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"none\.jsonl does not exist; check traces\.file\.path"):
        read(file_traces(tmp_path / "none.jsonl"))


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (Path("/dev/zero"), "it is a device, not a file"),
        (Path("/dev/null"), "it is a device, not a file"),
        (tmp_path / "pipe", "nobody writes into this pipe"),
    ):
        with pytest.raises(SourceMissing, match=rf"{path} cannot be read: {why}; check traces\.file\.path"):
            read(file_traces(path))


def test_a_folder_without_exports_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no export")
    with pytest.raises(SourceMissing, match=r"holds no file whose name ends in \.jsonl"):
        read(file_traces(tmp_path))


@contextmanager
def as_an_ordinary_user() -> Iterator[None]:
    """Root may read everything; for file access alone this thread becomes nobody."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.setfsuid(65534)
    try:
        yield
    finally:
        libc.setfsuid(0)


@pytest.mark.parametrize("locked", ["export.jsonl", ""])
def test_a_file_or_folder_that_may_not_be_read_is_named(tmp_path: Path, locked: str) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "export.jsonl").write_bytes(jsonl(session_record(1)))
    for parent in (folder, *folder.parents[:-1]):
        if parent.is_relative_to(tmp_path.parents[1]):
            parent.chmod(0o755)
    (folder / locked).chmod(0)
    try:
        with as_an_ordinary_user(), pytest.raises(AccessDenied, match=r"exports.* may not be read by this user"):
            read(file_traces(folder))
    finally:
        (folder / locked).chmod(0o700)


# Lines


def test_what_the_filter_leaves_out_is_counted(tmp_path: Path) -> None:
    records = [session_record(n, review_status="approved" if n % 2 else "quarantined") for n in range(6)]
    sessions, tally = read_bytes(tmp_path, jsonl(*records), filter=TraceFilter(limit=2))
    assert [session.id for session in sessions] == ["3", "5"]
    assert (tally.matched, tally.filtered) == (2, {"reviewStatus": 3, "limit": 1})


def test_comment_lines_are_no_data(tmp_path: Path) -> None:
    sessions, tally = read_bytes(tmp_path, b"# exported by hand\n" + jsonl(session_record(1)))
    assert [session.id for session in sessions] == ["1"]
    assert tally.malformed == []


def test_line_separators_inside_an_answer_are_part_of_it(tmp_path: Path) -> None:
    (session,), _ = read_bytes(tmp_path, jsonl(session_record(final_answer="one\u2028two\u2029three")))
    assert session.final_answer == "one\u2028two\u2029three"


def test_half_a_character_escaped_in_json_is_replaced_and_counted(tmp_path: Path) -> None:
    line = json.dumps(
        session_record(final_answer="a\ud83d b\U0001f600", session_metadata=metadata(session_id="\udc00"))
    )
    whole = json.dumps(session_record(final_answer="b\U0001f600"))
    sessions, _ = read_bytes(tmp_path, f"{line}\n{whole}\n".encode())
    assert [session.final_answer for session in sessions] == ["a\ufffd b\U0001f600", "b\U0001f600"]
    assert sessions[0].id == "\ufffd"
    assert ["wholeCharacters" in session.missing for session in sessions] == [True, False]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"task": "secret", ', r"not JSON at character 20"),
        (b'["secret"]', "not a JSON object"),
        (b'"secret"', "not a JSON object"),
        (b'{"task": "secret \xff"}', "not UTF-8 at byte 18 (Latin-1? convert it with iconv -f latin1 -t utf-8)"),
        (b'{"final_answer": "secret"}', "no task"),
        (b'{"task": ["secret"]}', "no task"),
        (b"[" * 100_000, "JSON nested too deeply"),
        (b'{"task": "secret", "x": ' + b"[" * 200 + b"]" * 200 + b"}", "JSON nested more than 200 levels deep"),
        (b'{"task": "secret", "id": ' + b"1" * 5000 + b"}", "a number with too many digits"),
        (b'{"task": "secret"} {"task": "secret"}', "not JSON at character 20"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unreadable_line_is_recorded_with_its_place_and_reason_but_not_its_content(
    tmp_path: Path, line: bytes, why: str
) -> None:
    sessions, tally = read_bytes(tmp_path, b"\n" + line.replace(b"\n", b"") + b"\n" + jsonl(session_record(1)))
    assert [session.id for session in sessions] == ["1"]
    assert tally.malformed == [f"export.jsonl:2: {why}"]


def test_one_unreadable_line_more_than_allowed_ends_the_reading(tmp_path: Path) -> None:
    data = jsonl(session_record(1)) + b"secret\n" * 5
    assert len(read_bytes(tmp_path, data, max_malformed=5)[1].malformed) == 5

    with pytest.raises(MalformedTraces) as caught:
        read_bytes(tmp_path, data, max_malformed=4)

    message = str(caught.value)
    assert message.startswith(
        "unreadable lines: 5, spec.traces.maxMalformed allows 4 (export.jsonl:2: not JSON at character 1;"
    )
    assert message.endswith("export the traces again, or allow more")
    assert "secret" not in message


def test_unreadable_lines_are_counted_over_all_files(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(b"no\n")
    with pytest.raises(MalformedTraces, match=r"a\.jsonl:1: not JSON.*; b\.jsonl:1: not JSON"):
        read(file_traces(tmp_path, max_malformed=1))


def test_a_truncated_compressed_export_gives_its_whole_lines_and_is_counted(tmp_path: Path) -> None:
    lines = b"".join(jsonl(session_record(number, final_answer=os.urandom(500).hex())) for number in range(50))
    sessions, tally = read_bytes(tmp_path, gzip.compress(lines)[:-5000])
    assert 0 < len(sessions) < 50
    assert len(tally.malformed) == 1
    assert tally.malformed[0].endswith("compressed data ends too early: the file is incomplete")


def test_an_answer_of_50_megabytes_is_read_whole(tmp_path: Path) -> None:
    size = 50 * 1024 * 1024
    (session, after), _ = read_bytes(tmp_path, jsonl(session_record(1, final_answer="x" * size), session_record(2)))
    assert (len(session.final_answer), after.id) == (size, "2")
