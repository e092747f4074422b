"""Paths as manifests write them."""

from errno import ENAMETOOLONG
from pathlib import Path

from atlas_api.errors import SourceMissing

_SHOWN = 60


def expanded(path: str) -> Path:
    """*path* with `~` as the home folder. Whether anything is there is not asked.

    Raises `SourceMissing` for the home of a user whom nobody knows here, and for what is too long for any path.
    """
    try:
        whole = Path(path).expanduser()
    except RuntimeError:
        raise SourceMissing(f"{path}: there is no home folder of this user; write the path in full") from None
    try:
        whole.lstat()
    except OSError as error:
        if error.errno == ENAMETOOLONG:
            raise SourceMissing(f"{path[:_SHOWN]}...: longer than a path can be; shorten it") from None
    return whole
