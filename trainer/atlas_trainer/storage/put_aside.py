"""Files of ours in a folder that others may write to: opened in place, and what stands there instead put aside."""

import os
from pathlib import Path

from atlas_trainer.storage.file_errors import write_errors


def put_aside(path: Path) -> Path:
    """Rename *path*, whatever it is, to `<name>.unreadable`, and return that. A link is renamed, never followed.

    Raises `CheckpointFailed` where the folder cannot be written.
    """
    aside = path.with_name(f"{path.name}.unreadable")
    with write_errors(aside):
        return path.replace(aside)


def in_place(path: str, flags: int) -> int:
    """Open for `open`: neither what a link leads to, nor a pipe whose other end nobody has."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
