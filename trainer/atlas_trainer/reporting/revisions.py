"""
Which configurations of a reward service scored a run: scores of two revisions cannot be compared.

Called by the reporter, the first process and the report. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Any

KEY = "reward_revisions"
"""In a line of metrics.jsonl: what scored it, where judges did. More than one while a service changes."""

Revisions = Mapping[str, int]
"""Revision, and the step at which it was first seen; the earliest first."""


def revisions_in(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What scored the *lines* of metrics.jsonl. Empty without judges."""
    found: dict[str, int] = {}
    for line in sorted(lines, key=lambda line: int(line["step"])):
        for revision in line.get(KEY, ()):
            found.setdefault(revision, line["step"])
    return found


def warning(known: Revisions) -> str:
    """What a person must know who compares numbers of this run; empty when one revision scored all of it."""
    if len(known) <= 1:
        return ""
    since = ", ".join(f"{revision} since step {step}" for revision, step in known.items())
    return f"The reward service changed during the run: revision {since}. Their scores cannot be compared."
