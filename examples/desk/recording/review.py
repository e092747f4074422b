"""
The review of recorded sessions: which may be learnt from.

Pure. A scripted reviewer reads after every batch and leaves its newest sessions for later; it puts
aside the messages of a customer who objected. Whether the agent was right does not matter to it: a task that the
agent cannot do yet is the one to learn from.
"""

from collections.abc import Sequence
from typing import NamedTuple

from desk.shift import Visit

OBJECTOR = "Zoe"
UNREAD = 0.06
"""Share of a batch that is left for later."""


class Review(NamedTuple):
    """`sessions.review_status` and `sessions.review_notes`."""

    status: str
    notes: str | None = None


def reviews(visits: Sequence[Visit]) -> list[Review]:
    """One for each of *visits*, oldest first."""
    read = len(visits) - round(len(visits) * UNREAD)
    return [_review(visit) if place < read else Review("pending") for place, visit in enumerate(visits)]


def _review(visit: Visit) -> Review:
    if visit.task.customer == OBJECTOR:
        return Review("quarantined", "The customer objected to the use of her messages.")
    return Review("approved")
