"""Time by phase: printed as headings while the demo runs, and kept in a file."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console


class Stopwatch:
    """Measures phases, in seconds of wall time."""

    def __init__(self, console: Console, file: Path) -> None:
        self.console = console
        self.file = file
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str, heading: str) -> Iterator[None]:
        """Print *heading*, measure what happens inside, write all times so far to the file."""
        self.console.rule(f"[bold]{heading}", align="left")
        started = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - started, 1)
        self.console.print(f"  {self.seconds[name]:.1f} s", style="dim")
        times = self.seconds | {"total": round(sum(self.seconds.values()), 1)}
        self.file.write_text(json.dumps(times, indent=2) + "\n")
