"""
The file metrics.jsonl: every number of a run, one JSON object a line, oldest first.

Each line holds `step`, `time`
(RFC 3339, UTC), `kind` (`train` or `eval`) and numbers by name; a number that is not finite is null. What judges scored
also names the revisions of their service, as `reward_revisions`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from atlas_api.budgets import STATUS, decode_json
from atlas_trainer.evaluation.measurement import finite
from atlas_trainer.reporting.revisions import KEY as REVISIONS
from atlas_trainer.storage.atomic_file import replace_text

Kind = Literal["train", "eval"]


class MetricsLog:
    """The file metrics.jsonl of a run. Opening it drops a last line that a kill has torn."""

    def __init__(self, path: Path) -> None:
        self.path = path
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
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def rewind(self, step: int) -> None:
        """Drop every line past *step*: a resumed run writes those again."""
        if self.path.exists():
            self._write([line for line in self.read() if line["step"] <= step])

    def read(self) -> list[dict[str, Any]]:
        """All whole lines, oldest first. ValueError when a line before the last is not JSON."""
        if not self.path.exists():
            return []
        return [decode_json(line, STATUS) for line in _whole_lines(self.path)]

    def _write(self, lines: list[dict[str, Any]]) -> None:
        replace_text(self.path, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))


def _is_torn(path: Path) -> bool:
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")


def _whole_lines(path: Path) -> list[bytes]:
    """Lines of the file, without what follows the last line feed: it was still being written."""
    return path.read_bytes().split(b"\n")[:-1]
