"""What the trainer of a run tells the operator: written by pods, checked by the operator before it is believed."""

from typing import Literal

from pydantic import Field

from atlas_api.base import ApiModel
from atlas_api.times import Time
from atlas_api.training.status import CheckpointsStatus, DatasetStatus, ModelStatus, Progress


class RunReport(ApiModel):
    """What the trainer says of its run on a cluster. The operator checks and bounds it before it believes any of it."""

    run: int = Field(ge=1)
    """Number of the run."""

    attempt: int = Field(ge=1)
    """Number of the attempt."""

    phase: Literal["Running", "Succeeded", "Failed", "Interrupted"]
    """What the attempt is doing, or how it ended."""

    told_at: Time | None = None
    """When the trainer said so: makes each report differ from the one before, a sign of life."""

    reason: str | None = None
    """Name of the error that ended the attempt, as in `atlas_api.errors`."""

    message: str | None = None
    """The error, in one line that names the cure."""

    exit_code: int | None = None
    """Exit code that goes with the error."""

    progress: Progress | None = None
    """How far the run is."""

    metrics: dict[str, float] = {}
    """Newest numbers of the run, named as in `status.metrics`."""

    dataset: DatasetStatus | None = None
    """What the run learns from."""

    checkpoints: CheckpointsStatus = CheckpointsStatus()
    """Complete checkpoints of the run."""

    model: ModelStatus | None = None
    """The finished model: only `phase: Succeeded` has one."""
