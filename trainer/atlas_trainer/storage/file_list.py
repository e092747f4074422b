"""
Lists of files: what a folder of a store holds, by name, with the length and SHA-256 of each file.

A file beside the others holds the list (a checkpoint's manifest.json, a dataset's dataset.json) and is written last.
Only what is listed is used. Names come from outside: each is checked before it becomes a path.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from atlas_api.text import escaped

_LONGEST_NAME = 1024
_LONGEST_PART = 255
_MOST_PARTS = 16
_SHOWN = 120


class DamagedError(ValueError):
    """Error for what lies in a store and is not what should lie there. Its text says why."""


def checked_name(name: str) -> str:
    """*name*, a relative path with `/` that stays below any folder it is joined to. Raises `DamagedError` for others.

    Backslashes and colons are refused too: they are separators and drives where others may read the files.
    """
    parts = name.split("/")
    odd = any(part in ("", ".", "..") or len(part.encode("utf-8", "replace")) > _LONGEST_PART for part in parts)
    too_long = len(name) > _LONGEST_NAME or len(parts) > _MOST_PARTS
    if odd or too_long or not name.isprintable() or "\\" in name or ":" in name:
        raise DamagedError(f"{shown(name)} is no name of a file below it")
    return name


def shown(name: str) -> str:
    """*name*, quoted for a message."""
    return f'"{escaped(name[:_SHOWN])}"'


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a list, or with what stands beside it, with its name."""
    problem = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in problem["loc"][:2])
    return f"{shown(field)}: {problem['msg'].removeprefix('Value error, ')}" if field else problem["msg"]


class StoredFile(BaseModel):
    """What is known of a file before it is read."""

    model_config = ConfigDict(strict=True, frozen=True)

    bytes: int = Field(ge=0)
    """Length of the file."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of its content, in hex."""


def _apart(files: dict[str, StoredFile]) -> dict[str, StoredFile]:
    folders = {name[:place] for name in files for place, character in enumerate(name) if character == "/"}
    if both := next((name for name in files if name in folders), None):
        raise DamagedError(f"{shown(both)} is a file and a folder")
    return files


Files = Annotated[
    dict[Annotated[str, AfterValidator(checked_name)], StoredFile], Field(min_length=1), AfterValidator(_apart)
]
"""Files by name, at least one, none of which is a folder of another."""


@dataclass(frozen=True, slots=True)
class FileList:
    """A folder of a store whose files are listed in one of them."""

    key: str
    """Key of the folder."""

    index: str
    """Name of the file that holds the list, and is not in it."""

    data: bytes
    """Content of that file."""

    files: Mapping[str, StoredFile]
    """All other files of the folder."""

    def check_names(self, sizes: Mapping[str, int]) -> None:
        """Compare the names and lengths of all files that lie there. Raises `DamagedError`.

        What is not listed is as wrong as what is missing: libraries look for files by names of their own.
        """
        there = {key.removeprefix(f"{self.key}/"): size for key, size in sizes.items()}
        for name, file in self.files.items():
            if name not in there:
                raise DamagedError(f"{shown(name)} is missing")
            if there[name] != file.bytes:
                raise DamagedError(f"{shown(name)} has {there[name]:,} bytes, {self.index} says {file.bytes:,}")
        if strange := next((name for name in there if name not in self.files and name != self.index), None):
            raise DamagedError(f"{shown(strange)} is not listed in {self.index}")

    def check_sha256(self, name: str, sha256: str) -> None:
        """Compare the SHA-256 of a file's content. Raises `DamagedError`."""
        if sha256 != self.files[name].sha256:
            raise DamagedError(f"{shown(name)} has another SHA-256 than {self.index} says")


def files_in(folder: Path, names: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """The list of all files below *folder*, or of those with these *names*, as JSON has it."""
    if names is None:
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    paths = {checked_name(name): folder / name for name in names}
    return {name: {"sha256": sha256_of(path), "bytes": path.stat().st_size} for name, path in paths.items()}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
