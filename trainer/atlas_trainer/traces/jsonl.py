"""
JSONL exports on disk, and the reader of export lines that the S3 source shares.

Streams: one line is in memory at a time. What a record means is known to `export_record`.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from atlas_api.errors import AccessDenied, MalformedTraces, SourceMissing, SourceUnreachable
from atlas_api.training.traces import Traces
from atlas_trainer.traces.export_record import UnreadableRecordError, session_from_record
from atlas_trainer.traces.filters import filter_sessions
from atlas_trainer.traces.lines import Line, numbered_lines
from atlas_trainer.traces.seen_ids import SeenIds
from atlas_trainer.traces.session import Session, Tally

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.xz")
"""Names that count as exports where a folder or prefix is searched. Compression is known by the first bytes alone."""

CHUNK_BYTES = 1024 * 1024

_SHOWN = 3
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_files(traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions of one file, or of all exports in a folder and its subfolders, in the order of their paths.

    What is left out is counted in `tally`. Raises SourceMissing, AccessDenied, SourceUnreachable, MalformedTraces.
    """
    if traces.file is None:
        raise ValueError("traces.file is not set")
    path = Path(traces.file.path).expanduser()
    return filter_sessions(traces.filter, _sessions(path, ExportReader(traces.max_malformed, tally)), tally)


class ExportReader:
    """Makes sessions of the lines of one source. Remembers ids and unreadable lines from file to file."""

    def __init__(self, max_malformed: int, tally: Tally) -> None:
        self._max_malformed = max_malformed
        self._tally = tally
        self._seen = SeenIds()

    def sessions(self, lines: Iterable[Line], name: str) -> Iterator[Session]:
        """
        Yield the sessions of one file, unfiltered. `name` goes into messages and ids.

        An unreadable line is recorded in the tally; one more than `max_malformed` raises MalformedTraces. Lines that
        start with `#` are comments, as in the data sets that the SDK ships. A caller's metadata can hide the row id, so
        an id that was seen before gives way to `<name>:<line>`.
        """
        for line in lines:
            if line.content.startswith(b"#"):
                continue
            try:
                session = _session(line)
            except UnreadableRecordError as error:
                self._give_up(f"{name}:{line.number}: {error}")
                continue
            recorded = session.id and self._seen.add(session.id)
            yield session if recorded else replace(session, id=f"{name}:{line.number}")

    def _give_up(self, where_and_why: str) -> None:
        malformed = self._tally.malformed
        malformed.append(where_and_why)
        if len(malformed) > self._max_malformed:
            shown = "; ".join(malformed[:_SHOWN]) + ("; ..." if len(malformed) > _SHOWN else "")
            raise MalformedTraces(
                f"unreadable lines: {len(malformed)}, spec.traces.maxMalformed allows {self._max_malformed} ({shown});"
                " export the traces again, or allow more"
            )


def _session(line: Line) -> Session:
    try:
        return session_from_record(_record(line))
    except RecursionError as error:
        raise UnreadableRecordError("JSON nested too deeply") from error


def _record(line: Line) -> Any:
    if line.problem:
        raise UnreadableRecordError(line.problem)
    try:
        record = json.loads(line.content.decode())
    except UnicodeDecodeError as error:
        raise UnreadableRecordError(f"not UTF-8 at byte {error.start + 1}") from error
    except json.JSONDecodeError as error:
        raise UnreadableRecordError(f"not JSON at character {error.pos + 1}") from error
    except ValueError as error:
        raise UnreadableRecordError("a number with too many digits") from error
    # JSON can escape half a character; nothing behind this could write that as UTF-8.
    if _SURROGATE.search(line.content):
        return json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
    return record


def _sessions(path: Path, reader: ExportReader) -> Iterator[Session]:
    with _file_errors(path):
        files = _exports_in(path) if path.is_dir() else [path]
    for file in files:
        name = file.relative_to(path).as_posix() if file != path else path.name
        # A name may be no text at all; as part of ids and messages it must be.
        text = os.fsencode(name).decode("utf-8", "backslashreplace")
        yield from reader.sessions(numbered_lines(_file_chunks(file)), text)


def _exports_in(folder: Path) -> list[Path]:
    """Exports below *folder*, without hidden ones: mounted volumes keep the real files there, and links outside."""
    found = []
    for parent, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in names if name.endswith(SUFFIXES) and not name.startswith(".")]
    if not found:
        raise SourceMissing(f"{folder} holds no file whose name ends in {', '.join(SUFFIXES)}; check traces.file.path")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _file_chunks(path: Path) -> Iterator[bytes]:
    with _file_errors(path), path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(f"{path} does not exist; check traces.file.path") from error
    except PermissionError as error:
        where = error.filename or path
        raise AccessDenied(f"{where} may not be read by this user; change its permissions or owner") from error
    except OSError as error:
        raise SourceUnreachable(f"{path} cannot be read: {error.strerror}") from error


def _raise(error: OSError) -> None:
    raise error
