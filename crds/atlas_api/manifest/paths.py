"""Paths as manifests write them."""

from pathlib import Path

from atlas_api.errors import SourceMissing


def expanded(path: str) -> Path:
    """*path* with `~` as the home folder. Raises `SourceMissing` for that of a user whom nobody knows here."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise SourceMissing(f"{path}: there is no home folder of this user; write the path in full") from None
