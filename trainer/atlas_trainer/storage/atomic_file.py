"""Replace a file so that a reader, or a machine that loses power, sees the old text or the new one and nothing between.

Used for status, report and metrics. Knows nothing about what it writes.
"""

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write *text* as UTF-8 to *path*, whose folder exists."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, data: bytes) -> None:
    """Write *data* to *path*, whose folder exists, by way of a temporary file beside it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
