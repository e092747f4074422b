"""
Replace a file by an atomic rename: a reader, also after a power failure, sees the old content or the new one.

Knows nothing about what it writes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8 to *path*, whose folder exists."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, data: bytes) -> None:
    """Write *data* to *path*, whose folder exists, by way of a temporary file beside it."""
    beside = _beside(path)
    with beside.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """Give a draft beside *path* that takes its place at the end, or goes away when writing fails."""
    draft = _beside(path)
    try:
        yield draft
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """A name for a new file. A link of that name, which somebody may have left there, is not followed but removed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    return beside
