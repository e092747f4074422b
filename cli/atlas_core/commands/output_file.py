"""The file of `--output`: what may be written where, told before anything is read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from atlas_api import InvalidManifest

Writer = TypeVar("Writer")


def checked_output(out: Path, writers: Mapping[str, Writer]) -> Writer:
    """The one of *writers*, by suffix, for *out*. Raises `InvalidManifest` where there is none, or no folder."""
    writer = writers.get(out.suffix)
    if writer is None:
        *others, last = (f"FILE{suffix}" for suffix in writers)
        raise InvalidManifest([f"--output {out}: unknown format; name it {', '.join(others)} or {last}"])
    if not out.parent.is_dir():
        raise InvalidManifest([f"--output {out}: there is no folder {out.parent}; create it first"])
    return writer


@contextmanager
def output_errors(out: Path) -> Iterator[None]:
    """Raise `InvalidManifest` for errors of the system while *out* is written."""
    try:
        yield
    except OSError as error:
        raise InvalidManifest([f"--output {out}: cannot be written: {error.strerror}"]) from error
