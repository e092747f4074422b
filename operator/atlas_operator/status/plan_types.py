"""What a plan says: the decisions of `plan` and `rewards_plan`, carried out by `reconcile` and `rewards_reconcile`."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

EventType = Literal["Normal", "Warning"]

RECHECK_AFTER = timedelta(seconds=60)
"""How long to wait before trying again what the API server or the cluster refused: no watch tells when it may work."""


@dataclass(frozen=True, slots=True)
class EventNote:
    """An event to post."""

    type: EventType
    reason: str
    message: str
