"""What errors of the file system mean to a user."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atlas_api.errors import CheckpointFailed


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system in the block into `CheckpointFailed`. *path* is what the block writes."""
    try:
        yield
    except OSError as error:
        raise CheckpointFailed(
            f"cannot write {path}: {error.strerror}; free or repair that place, or name another"
        ) from error


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system in the block into `CheckpointFailed`. *path* is what the block reads."""
    try:
        yield
    except OSError as error:
        raise CheckpointFailed(
            f"cannot read {path}: {error.strerror}; repair that place, or its permissions"
        ) from error
