"""
The results of `atlas-core score --items`: one JSON line for each line of items, in their order.

While a start asks again about lines that judges could not answer, their new results stand at the end: a later result
of a line replaces an earlier one, and the end of the command brings all in order. A kill leaves whole lines and at most
one torn one, which the next start takes away; it then goes on.
"""

import fcntl
import itertools
import json
import os
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from atlas_api import InvalidManifest
from atlas_api.errors import RunActive
from atlas_api.inputs.budgets import SCORES, decode_json
from atlas_rewards.bench.items_file import ItemLine

Record = Mapping[str, Any]
"""What is written: `line`, `item` (its digest), the result, and `malformed` or `unanswered` where that is so."""


@contextmanager
def scored_file(path: Path, revision: str) -> Iterator["ScoredFile"]:
    """The output, which nobody else writes meanwhile.

    Raises InvalidManifest when *path* cannot be written or holds something else, RunActive when it is being written.
    """
    try:
        if path.exists() and not path.is_file():
            raise InvalidManifest([f"--output {path}: is no file; name one"])
        file = _locked(path)
    except OSError as error:
        raise InvalidManifest([f"--output {path}: cannot be written: {error.strerror}"]) from None
    with file:
        scored = ScoredFile(path, file, revision)
        try:
            yield scored
        finally:
            scored.sort()


class ScoredFile:
    """The output of `score --items`. A place is the number of a line of items, from 0, blank ones not counted."""

    def __init__(self, path: Path, file: BinaryIO, revision: str) -> None:
        self._path = path
        self._file = file
        self._revision = revision
        self._numbers = array("q")
        """Line of the items, by place; always in order."""

        self._digests: list[str] = []
        self._kinds: list[str] = []
        self._starts, self._ends = array("q"), array("q")
        """Where the result lies in the file, by place."""

        self._size = 0
        self._read()
        self._file.truncate(self._size)
        self._open = {place for place, kind in enumerate(self._kinds) if kind == "unanswered"}

    @property
    def lines(self) -> int:
        """Results that it holds, without those of an earlier start that are to be asked for again."""
        return len(self._numbers) - len(self._open)

    @property
    def kinds(self) -> Counter[str]:
        """How many results are `scored`, `unscored`, `unanswered`, `malformed`."""
        return Counter(self._kinds)

    def missing(self, groups: Iterable[Sequence[ItemLine]]) -> Iterator[Sequence[ItemLine]]:
        """Groups out of *groups* (all lines of the items, in order) that are not wholly here, or lack an answer.

        Raises InvalidManifest for results of other items.
        """
        kept, place = len(self._numbers), 0
        for group in groups:
            known = self._digests[place : min(kept, place + len(group))] if place < kept else []
            if known != [line.digest for line in group[: len(known)]]:
                raise self._refusal("holds results of other items")
            if len(known) < len(group) or not self._open.isdisjoint(range(place, place + len(group))):
                yield group
            place += len(group)
        if place < kept:
            raise self._refusal("holds more results than there are items")

    def append(self, records: Sequence[Record]) -> None:
        """Write the results of a group."""
        lines = [json.dumps(record).encode() + b"\n" for record in records]
        self._file.write(b"".join(lines))
        self._file.flush()
        for record, line in zip(records, lines, strict=True):
            self._open.discard(self._note(record, len(line)))

    def sort(self) -> None:
        """Bring the results in the order of the items, and leave replaced ones out. A kill leaves the old file."""
        if all(end == start for end, start in zip([0, *self._ends], [*self._starts, self._size], strict=True)):
            return
        path = self._path.resolve()
        beside = path.with_name(f".{path.name}.sorted")
        with path.open("rb") as old, beside.open("wb") as new:
            for start, end in zip(self._starts, self._ends, strict=True):
                old.seek(start)
                new.write(old.read(end - start))
            new.flush()
            os.fsync(new.fileno())
        beside.replace(path)

    def _read(self) -> None:
        """Take in what is there, as far as lines are whole."""
        with self._path.open("rb") as file:
            for count in itertools.count(1):
                line = file.readline(SCORES.bytes + 1)
                if len(line) <= SCORES.bytes and not line.endswith(b"\n"):
                    break
                try:
                    record = decode_json(line, SCORES)
                    by = record["revision"]
                    self._note(record, len(line))
                except (ValueError, TypeError, KeyError, OverflowError):
                    raise self._refusal(f"line {count} is no result of this command") from None
                if by != self._revision:
                    raise self._refusal(f"was written with another configuration (revision {by}, now {self._revision})")

    def _note(self, record: Record, size: int) -> int:
        """Remember a result of *size* bytes, which replaces an earlier one of its line. Returns its place."""
        number, digest, kind = record["line"], record["item"], _kind(record)
        start, self._size = self._size, self._size + size
        place = bisect_left(self._numbers, number)
        if place == len(self._numbers):
            self._numbers.append(number)
            self._digests.append(digest)
            self._kinds.append(kind)
            self._starts.append(start)
            self._ends.append(self._size)
        elif (self._numbers[place], self._digests[place]) == (number, digest):
            self._kinds[place], self._starts[place], self._ends[place] = kind, start, self._size
        else:
            raise ValueError(number)
        return place

    def _refusal(self, why: str) -> InvalidManifest:
        return InvalidManifest([f"--output {self._path}: {why}; name another file, or remove this one"])


def _locked(path: Path) -> BinaryIO:
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise RunActive(
                f"--output {path}: another start of this command writes it; wait for that one, or name another file"
            ) from None
        if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            return file
        file.close()  # the other start has just brought it in order: what was opened is the old one


def _kind(record: Record) -> str:
    for mark in ("malformed", "unanswered"):
        if mark in record:
            return mark
    return "unscored" if record["score"] is None else "scored"
