"""
Revisions of the reward service that scored a run: scores of two revisions cannot be compared.

Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Any

KEY = "reward_revisions"
"""Key in a line of metrics.jsonl: revisions of the judges that scored it. More than one while a service changes."""

Revisions = Mapping[str, int]
"""Step at which each revision was first seen; the earliest first."""


def revisions_in(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Revisions that scored the *lines* of metrics.jsonl. Empty without judges."""
    found: dict[str, int] = {}
    for line in sorted(lines, key=lambda line: int(line["step"])):
        for revision in line.get(KEY, ()):
            found.setdefault(revision, line["step"])
    return found


def warning(known: Revisions) -> str:
    """A sentence for who compares numbers of this run; empty when one revision scored all of it."""
    if len(known) <= 1:
        return ""
    since = ", ".join(f"{revision} since step {step}" for revision, step in known.items())
    return f"The reward service changed during the run: revision {since}. Their scores cannot be compared."
