"""Types that the plans of all kinds share. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

EventType = Literal["Normal", "Warning"]

RECHECK_AFTER = timedelta(seconds=60)
"""How long to wait before trying again what the API server or the cluster refused: no watch tells when it may work."""


@dataclass(frozen=True, slots=True)
class EventNote:
    """An event to post about the object."""

    type: EventType
    reason: str
    message: str
