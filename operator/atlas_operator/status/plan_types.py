"""What a plan says: the decisions of `plan` and `rewards_plan`, carried out by `reconcile` and `rewards_reconcile`."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from atlas_api.training.status import AtlasTrainingStatus
from atlas_operator.cluster.observed import Document

EventType = Literal["Normal", "Warning"]

HINDRANCE_PATIENCE = timedelta(seconds=60)
"""How long to wait before trying again what the API server or the cluster refused: no watch tells when it may work."""


@dataclass(frozen=True, slots=True)
class Note:
    """An event to post."""

    type: EventType
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. `reconcile` says in which order."""

    status: AtlasTrainingStatus | None
    create: tuple[Document, ...] = ()
    delete: tuple[Document, ...] = ()
    notes: tuple[Note, ...] = ()
    look_again_at: datetime | None = None
