"""
Files that a user names: read from the disk or a pipe, never from what has no end.

Every problem is an OSError whose `strerror` can be shown as it is.
"""

import errno
import os
import select
import stat
from collections.abc import Iterator
from io import DEFAULT_BUFFER_SIZE
from pathlib import Path

from atlas_api.inputs.budgets import Budget, read_bytes

CHUNK_BYTES = 1024 * 1024
SILENT_SECONDS = 5.0
"""How long a pipe that nobody has opened for writing is waited for."""


def file_chunks(path: Path) -> Iterator[bytes]:
    """Yield the content of the file or pipe at *path*. Raises OSError, also for a folder and a device."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
            raise OSError(errno.EINVAL, "it is a device, not a file")
        if stat.S_ISFIFO(mode):
            yield _first_of(descriptor)
        os.set_blocking(descriptor, True)
        while chunk := os.read(descriptor, CHUNK_BYTES):
            yield chunk
    finally:
        os.close(descriptor)


def read_file(path: Path, budget: Budget) -> bytes:
    """All of the file or pipe at *path*. Raises OverBudgetError as soon as it is longer than *budget*, and OSError."""
    return read_bytes(file_chunks(path), budget)


def _first_of(pipe: int) -> bytes:
    """What is in *pipe* first; empty where its writer has not written yet. Raises OSError when nobody writes."""
    select.select([pipe], [], [], SILENT_SECONDS)
    try:
        if first := os.read(pipe, DEFAULT_BUFFER_SIZE):
            return first
    except BlockingIOError:
        return b""
    raise OSError(errno.EPIPE, "nobody writes into this pipe")
