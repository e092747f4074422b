"""Lines of JSON on disk. Knows nothing of what the lines hold."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES
from pathlib import Path

from atlas_api.errors import AccessDenied, SourceMissing, SourceUnreachable
from atlas_api.inputs.files import file_chunks
from atlas_api.manifest.paths import expanded
from atlas_api.training.traces import FileTraces, Traces
from atlas_trainer.traces.filters import filter_sessions
from atlas_trainer.traces.formats.reader import LineReader
from atlas_trainer.traces.lines import Line, numbered_lines
from atlas_trainer.traces.session import Session, Tally

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".jsonl.xz")
"""Names that count as exports where a folder or prefix is searched. Compression is known by the first bytes alone."""

_NEVER_A_FILE = (errno.EINVAL, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EPIPE)
"""Errors of a name behind which there is no file: a device, a socket, a pipe without a writer, links in a circle."""


def read_files(traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions of one file, or of all files in a folder and its subfolders, in the order of their paths.

    What is left out is counted in `tally`. Raises SourceMissing, AccessDenied, SourceUnreachable, MalformedTraces,
    InvalidManifest.
    """
    if traces.file is None:
        raise ValueError("traces.file is not set")
    path = expanded(traces.file.path)
    return filter_sessions(traces.filter, LineReader(traces, tally).sessions(_files(path)), tally)


def check_files(file: FileTraces) -> None:
    """Raises what `read_files` would where a file is missing or may not be read. Opens none of them."""
    path = expanded(file.path)
    with _file_errors(path):
        path.stat()
        for found in _exports_in(path) if path.is_dir() else [path]:
            found.stat()
            if not os.access(found, os.R_OK):
                raise PermissionError(EACCES, os.strerror(EACCES), str(found))


def _files(path: Path) -> Iterator[tuple[str, Iterator[Line]]]:
    with _file_errors(path):
        files = _exports_in(path) if path.is_dir() else [path]
    for file in files:
        name = file.relative_to(path).as_posix() if file != path else path.name
        # A name may be no text at all; as part of ids and messages it must be.
        text = os.fsencode(name).decode("utf-8", "backslashreplace")
        yield text, numbered_lines(_file_chunks(file))


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
    with _file_errors(path):
        yield from file_chunks(path)


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(f"{error.filename or path} does not exist; check traces.file.path") from error
    except PermissionError as error:
        where = error.filename or path
        raise AccessDenied(f"{where} may not be read by this user; change its permissions or owner") from error
    except OSError as error:
        if error.errno in _NEVER_A_FILE:
            raise SourceMissing(f"{path} cannot be read: {error.strerror}; check traces.file.path") from error
        raise SourceUnreachable(f"{path} cannot be read: {error.strerror}") from error


def _raise(error: OSError) -> None:
    raise error
