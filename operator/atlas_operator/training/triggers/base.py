"""What a trigger is asked, and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import RunStatus, Trigger


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Everything from which a trigger says whether another run is due."""

    now: datetime

    spec: AtlasTrainingSpec

    last: RunStatus | None
    """The newest run, which has ended, or is taken as if it had ended by now; None: there was none."""

    retrain_at: str
    """Value of the annotation `retrain-at`; empty: there is none."""

    handled_retrain_at: str | None
    """The value that was answered last."""


@dataclass(frozen=True, slots=True)
class Due:
    """Another run, and its cause."""

    cause: Trigger

    at: datetime
    """Time from which the run may start; while it lies ahead, the training is looked at again then."""
