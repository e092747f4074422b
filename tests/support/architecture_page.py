"""The flows of docs/architecture.md, and what a profiler saw of one."""

import re
from pathlib import Path

from support.first_calls import ROOT

PAGE = ROOT / "docs" / "architecture.md"


def stops(flow: str) -> list[str]:
    """File and function of each stop of the flow with this heading, as the profiler writes them."""
    section = PAGE.read_text().split(f"## {flow}\n")[1].split("\n## ")[0]
    return [f"{path} {function}" for path, function in re.findall(r"^\d+\. `([^`]+)` `([^`]+)`", section, re.MULTILINE)]


def seen(calls: Path, flow: str) -> list[str]:
    """The stops of a flow among the first calls in a profiler's file, in their order there."""
    wanted = stops(flow)
    return [line for line in calls.read_text().splitlines() if line in wanted]
