"""What is known about a training: written by atlas-core, read by people and programs. Unknown is absent, never 0."""

from typing import Literal

from pydantic import AwareDatetime, Field

from atlas_api.base import ApiModel

Phase = Literal["Running", "Succeeded", "Failed", "Interrupted"]


class RunStatus(ApiModel):
    """The newest run."""

    number: int = Field(ge=1)
    """Counts runs of this training from 1."""

    attempt: int = Field(ge=1)
    """Counts starts of this run from 1: an interrupted run continues as the next attempt."""

    spec_hash: str
    """Hash of the recipe that this run trains."""

    started_at: AwareDatetime
    """When the first attempt started."""


class Progress(ApiModel):
    """How far the run is."""

    step: int = Field(ge=0)
    """Optimizer steps done."""

    max_steps: int = Field(ge=0)
    """Optimizer steps planned."""

    percent: int = Field(ge=0, le=100)
    """Share done."""

    eta_seconds: int | None = Field(None, ge=0)
    """Time left, in seconds, from the mean step time of this attempt."""

    updated_at: AwareDatetime
    """When this was written."""


class DatasetStatus(ApiModel):
    """What the run learns from."""

    matched: int = Field(ge=0)
    """Sessions that passed the filter."""

    used: int = Field(ge=0)
    """Sessions that became rows."""

    dropped: dict[str, int] = {}
    """All other sessions, by cause."""

    digest: str
    """SHA-256 over the rows."""

    watermark: AwareDatetime | None = None
    """Creation time of the newest session used."""


class CheckpointAddress(ApiModel):
    """A complete checkpoint."""

    uri: str
    """Path or `s3://` address of the folder."""

    step: int = Field(ge=0)
    """Optimizer steps it holds."""

    sha256: str
    """SHA-256 of its manifest, which lists the SHA-256 of every file."""

    metric: float | None = None
    """Held-out success rate, where it was measured at this step."""


class CheckpointsStatus(ApiModel):
    """Complete checkpoints of the newest run."""

    latest: CheckpointAddress | None = None
    """The newest."""

    best: CheckpointAddress | None = None
    """The one with the highest held-out success rate."""


class ModelStatus(ApiModel):
    """The newest finished model."""

    uri: str
    """Path or `s3://` address of the folder that `from_pretrained` takes."""

    run: int = Field(ge=1)
    """Run that made it."""

    sha256: str
    """SHA-256 of its manifest."""

    metric: float | None = None
    """Held-out success rate."""


class HistoryEntry(ApiModel):
    """An earlier run."""

    run: int = Field(ge=1)
    """Number of the run."""

    phase: Phase
    """How it ended."""

    reason: str | None = None
    """Why, in one CamelCase word. Set when it did not succeed."""

    finished_at: AwareDatetime
    """When it ended."""

    metrics: dict[str, float] = {}
    """Its last numbers, named as in `status.metrics`."""


class AtlasTrainingStatus(ApiModel):
    """What exists."""

    phase: Phase
    """One word: what the newest run is doing, or how it ended."""

    message: str | None = None
    """Why, in one line that names the cure. Set when the run did not succeed."""

    run: RunStatus
    """The newest run."""

    progress: Progress | None = None
    """How far it is."""

    metrics: dict[str, float] = {}
    """Few numbers: `reward`, `loss`, `evalSuccess`, `evalTokens`, `baselineSuccess`, `baselineTokens`."""

    dataset: DatasetStatus | None = None
    """What it learns from."""

    checkpoints: CheckpointsStatus = CheckpointsStatus()
    """What it has saved."""

    model: ModelStatus | None = None
    """The newest finished model, of this or an earlier run."""

    history: tuple[HistoryEntry, ...] = ()
    """Earlier runs, newest first."""
