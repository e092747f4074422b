"""Putting aside what stands in the place of a file or folder of ours, in a folder that others may write to."""

from pathlib import Path

from atlas_trainer.storage.file_errors import write_errors


def put_aside(path: Path) -> Path:
    """Rename *path*, whatever it is, to `<name>.unreadable`, and return that. A link is renamed, never followed.

    Raises `CheckpointFailed` where the folder cannot be written.
    """
    aside = path.with_name(f"{path.name}.unreadable")
    with write_errors(aside):
        return path.replace(aside)
