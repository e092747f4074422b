"""What is known about a training: written by atlas-core, read by people and programs. Unknown is absent, never 0."""

from typing import Literal

from pydantic import Field

from atlas_api.base import ApiModel
from atlas_api.condition import Condition
from atlas_api.times import Time

Phase = Literal[
    "Invalid",
    "Pending",
    "Queued",
    "Starting",
    "Running",
    "Stopping",
    "Retrying",
    "Suspended",
    "Succeeded",
    "Failed",
    "Interrupted",
]
Outcome = Literal["Succeeded", "Failed", "Replaced"]
Trigger = Literal["Created", "SpecChange", "RetrainAt"]
StopReason = Literal["Suspended", "Replaced", "Moved", "QueueTimeout", "StartTimeout", "RunTimeout", "Stalled"]


class Stopping(ApiModel):
    """The live attempt was asked for a checkpoint and is going away."""

    reason: StopReason
    """Why."""

    since: Time
    """When it was asked."""

    message: str = ""
    """Details for people."""


class RunStatus(ApiModel):
    """The newest run. On a cluster the operator reads its own decisions back from here."""

    number: int = Field(ge=1)
    """Counts runs of this training from 1."""

    attempt: int = Field(ge=1)
    """Counts starts of this run from 1: an interrupted run continues as the next attempt."""

    spec_hash: str
    """Hash of the recipe that this run trains."""

    started_at: Time
    """When the first attempt started."""

    trigger: Trigger | None = None
    """Why it was started."""

    placement_hash: str | None = None
    """Hash of `compute` and the addresses that the newest attempt was started with."""

    limits_hash: str | None = None
    """Hash of `limits` when the run ended."""

    reward_revision: str | None = None
    """Revision of the RewardService that the newest attempt was started with. Set where the recipe names one."""

    job: str | None = None
    """Name of the newest attempt's PyTorchJob."""

    job_uid: str | None = None
    """Its UID, once it exists."""

    attempt_at: Time | None = None
    """When the newest attempt was decided, or its wait for a RewardService ended."""

    waiting_since: Time | None = None
    """Since when the newest attempt waits for its RewardService. Set while it does."""

    running_at: Time | None = None
    """When the newest attempt was first seen running."""

    ran_seconds: int = Field(0, ge=0)
    """Training time of earlier attempts, in seconds."""

    failures: dict[str, int] = {}
    """Failed attempts of this run by class, as in `limits.retries`."""

    retry_at: Time | None = None
    """When the next attempt starts."""

    stopping: Stopping | None = None
    """Set while the newest attempt is being stopped."""

    paused: bool = False
    """Stopped by `suspend`; goes on with the next attempt."""

    finished_at: Time | None = None
    """When the run ended. A run that ended never starts again."""

    outcome: Outcome | None = None
    """How it ended."""

    reason: str | None = None
    """Why the newest failure happened, in one CamelCase word."""

    message: str | None = None
    """Why, in one line that names the cure."""


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

    updated_at: Time
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

    watermark: Time | None = None
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

    finished_at: Time
    """When it ended."""

    metrics: dict[str, float] = {}
    """Its last numbers, named as in `status.metrics`."""


class Display(ApiModel):
    """What `kubectl get` shows, ready to print."""

    method: str | None = None
    """`GRPO`."""

    progress: str | None = None
    """Share done, like `62%`."""

    step: str | None = None
    """Steps done and planned, like `248/400`."""

    eta: str | None = None
    """Time left, like `41m`."""

    reward: str | None = None
    """Mean reward of the newest step, like `0.71`."""


class AtlasTrainingStatus(ApiModel):
    """What exists."""

    observed_generation: int | None = None
    """Generation of the spec that this status speaks of; -1 until the operator has seen the object."""

    conditions: tuple[Condition, ...] = Field(
        (),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """Ready, Reconciling, Stalled, Accepted, Running, Suspended, LastRunSucceeded, ModelAvailable."""

    phase: Phase | None = None
    """One word: what the newest run is doing, or how it ended."""

    message: str | None = None
    """Why, in one line that names the cure. Set when the run did not succeed."""

    run: RunStatus | None = None
    """The newest run."""

    progress: Progress | None = None
    """How far the run is."""

    metrics: dict[str, float] = {}
    """Few numbers: `reward`, `loss`, `evalSuccess`, `evalTokens`, `baselineSuccess`, `baselineTokens`."""

    dataset: DatasetStatus | None = None
    """What the run learns from."""

    checkpoints: CheckpointsStatus = CheckpointsStatus()
    """What it has saved."""

    model: ModelStatus | None = None
    """The newest finished model, of this or an earlier run."""

    history: tuple[HistoryEntry, ...] = Field((), max_length=50)
    """Earlier runs, newest first."""

    last_handled_retrain_at: str | None = Field(None, max_length=253)
    """Value of the annotation `atlas.arc.computer/retrain-at` that the newest run answered."""

    display: Display | None = None
    """What `kubectl get` shows, ready to print."""


class LocalStatus(AtlasTrainingStatus):
    """The status of a training that has had a run: what `atlas-core run` writes."""

    phase: Phase
    """One word: what the newest run is doing, or how it ended."""

    run: RunStatus
    """The newest run."""
