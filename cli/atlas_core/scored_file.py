"""
The results of `atlas-core score --items`: one JSON line for each line of items, in their order.

A kill leaves whole lines and at most one torn one, which the next start takes away; it then goes on behind them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from atlas_api import InvalidManifest
from atlas_rewards.items_file import ItemLine

Record = Mapping[str, Any]
"""What is written: `line`, `item` (its digest), and the result."""


class ScoredFile:
    """The output. Made once a command; `close` it."""

    def __init__(self, path: Path, revision: str) -> None:
        """Raises InvalidManifest when *path* cannot be written, or holds something else."""
        self._path = path
        self._digests: list[str] = []
        self._ends = [0]
        try:
            if path.exists():
                self._read(revision)
            self._file = path.open("ab")
        except OSError as error:
            raise InvalidManifest([f"--output {path}: cannot be written: {error.strerror}"]) from None
        self._truncate(self.lines)

    @property
    def lines(self) -> int:
        """Results that it holds."""
        return len(self._digests)

    def missing(self, groups: Iterable[Sequence[ItemLine]]) -> Iterator[Sequence[ItemLine]]:
        """Those of *groups*, all lines of the items in order, that it does not hold as a whole.

        Results of a group that is not complete are removed. Raises InvalidManifest for results of other items.
        """
        kept, place = self.lines, 0
        for group in groups:
            known = self._digests[place : min(kept, place + len(group))] if place < kept else []
            if known != [line.digest for line in group[: len(known)]]:
                raise self._refusal("holds results of other items")
            if len(known) < len(group):
                if known:
                    self._truncate(place)
                yield group
            place += len(group)
        if place < kept:
            raise self._refusal("holds more results than there are items")

    def append(self, records: Sequence[Record]) -> None:
        """Write the results of a group."""
        for record in records:
            self._file.write(json.dumps(record).encode() + b"\n")
            self._digests.append(record["item"])
            self._ends.append(self._file.tell())
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _read(self, revision: str) -> None:
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._digests.append(self._digest(line, revision))
                self._ends.append(self._ends[-1] + len(line))

    def _digest(self, line: bytes, revision: str) -> str:
        try:
            record = json.loads(line)
            digest, by = record["item"], record["revision"]
        except (ValueError, TypeError, KeyError):
            raise self._refusal(f"line {self.lines + 1} is no result of this command") from None
        if by != revision:
            raise self._refusal(f"was written with another configuration (revision {by}, now {revision})")
        return str(digest)

    def _truncate(self, lines: int) -> None:
        del self._digests[lines:], self._ends[lines + 1 :]
        self._file.truncate(self._ends[-1])

    def _refusal(self, why: str) -> InvalidManifest:
        return InvalidManifest([f"--output {self._path}: {why}; name another file, or remove this one"])
