"""
The file metrics.jsonl: every number of a run, one JSON object a line, oldest first.

Each line holds `step`, `time`
(RFC 3339, UTC), `kind` (`train` or `eval`) and numbers by name; a number that is not finite is null. What judges scored
also names the revisions of their service, as `reward_revisions`.
"""

import json
import logging
import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from atlas_api.inputs.budgets import METRICS, METRICS_LINE, decode_json
from atlas_trainer.evaluation.measurement import finite
from atlas_trainer.reporting.revisions import KEY as REVISIONS
from atlas_trainer.storage.atomic_file import replace_text
from atlas_trainer.storage.put_aside import in_place, put_aside

Kind = Literal["train", "eval"]

_LARGEST = 1e100
"""Largest number that is drawn: the difference of two larger ones may be infinite."""

_MOST_STEPS = 10**12

_log = logging.getLogger(__name__)


class _Line(BaseModel):
    """What each line holds. Anything else is a number by name."""

    model_config = ConfigDict(strict=True, extra="allow")
    __pydantic_extra__: dict[str, Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)] | None]

    step: int = Field(ge=0, le=_MOST_STEPS)
    time: str
    kind: Kind
    reward_revisions: list[str] = []


class MetricsLog:
    """The file metrics.jsonl of a run. Opening it drops a last line that a kill has torn.

    Something else in its place is put aside: others may write there too, and a link would lead what is added elsewhere.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if _is_something_else(path):
            _log.warning("begins without the metrics of before, now %s: no file, or more than fits", put_aside(path))
        if path.exists() and _is_torn(path):
            self._write(self.read())

    def append(
        self,
        step: int,
        kind: Kind,
        numbers: Mapping[str, float | None],
        time: datetime,
        revisions: Sequence[str] = (),
    ) -> None:
        """Add one line, handed to the operating system at once. *time* is aware; the fixed names win."""
        stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"step": step, "time": stamp, "kind": kind}
        line |= {REVISIONS: list(revisions)} if revisions else {}
        line |= {name: finite(number) for name, number in numbers.items() if name not in line}
        with open(self.path, "a", encoding="utf-8", opener=in_place) as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def rewind(self, step: int) -> None:
        """Drop every line past *step*: a resumed run writes those again."""
        if self.path.exists():
            self._write([line for line in self.read() if line["step"] <= step])

    def read(self) -> list[dict[str, Any]]:
        """All whole lines, oldest first. What is no such line, whoever wrote it, is left out."""
        if not self.path.exists():
            return []
        return [line for data in _whole_lines(self.path) if (line := _line(data))]

    def _write(self, lines: list[dict[str, Any]]) -> None:
        replace_text(self.path, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))


def _line(data: bytes) -> dict[str, Any] | None:
    """A line, checked: the file may come back from a store that others write to."""
    try:
        line = decode_json(data, METRICS_LINE)
        _Line.model_validate(line)
    except ValueError:
        return None
    found: dict[str, Any] = line
    return found


def _is_something_else(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return not stat.S_ISREG(found.st_mode) or found.st_size > METRICS.bytes


def _is_torn(path: Path) -> bool:
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")


def _whole_lines(path: Path) -> list[bytes]:
    """Lines of the file, without what follows the last line feed: it was still being written."""
    return path.read_bytes().split(b"\n")[:-1]
