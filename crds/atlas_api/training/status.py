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
    """Why the attempt was asked to stop, in one CamelCase word."""

    since: Time
    """When the attempt was asked to stop."""

    message: str = ""
    """Why the attempt was asked to stop, in words for people."""


class RunStatus(ApiModel):
    """The newest run of the training. On a cluster the operator reads its own decisions back from here."""

    number: int = Field(ge=1)
    """Number of the run, counted from 1 over the life of the training."""

    attempt: int = Field(ge=1)
    """Number of the newest attempt, counted from 1: an interrupted run continues as the next attempt."""

    spec_hash: str
    """Hash of the recipe that this run trains."""

    started_at: Time
    """When the first attempt of the run started."""

    trigger: Trigger | None = None
    """Why the run was started."""

    placement_hash: str | None = None
    """Hash of `compute` and the addresses that the newest attempt was started with."""

    limits_hash: str | None = None
    """Hash of `limits` when the run ended."""

    reward_revision: str | None = None
    """Revision of the RewardService that the newest attempt was started with. Absent where the recipe names none."""

    job: str | None = None
    """Name of the newest attempt's PyTorchJob."""

    job_uid: str | None = None
    """UID of the newest attempt's PyTorchJob, once it exists."""

    attempt_at: Time | None = None
    """When the newest attempt was decided, or its wait for a RewardService ended."""

    waiting_since: Time | None = None
    """Since when the newest attempt waits for its RewardService. Absent while it does not wait."""

    blocked_since: Time | None = None
    """Since when something that somebody must mend keeps the newest attempt from running. Absent while nothing does."""

    running_at: Time | None = None
    """When the newest attempt was first seen running."""

    ran_seconds: int = Field(0, ge=0)
    """Training time of earlier attempts of the run, in seconds."""

    failures: dict[str, int] = {}
    """Failed attempts of this run by class, as in `limits.retries`."""

    retry_at: Time | None = None
    """When the next attempt starts. Absent while none is due."""

    stopping: Stopping | None = None
    """The live attempt was asked for a checkpoint and is going away. Absent while it may stay."""

    paused: bool = False
    """Whether `suspend` has stopped the run, which goes on with the next attempt."""

    finished_at: Time | None = None
    """When the run ended. A run that ended never starts again. Absent while the run is live."""

    outcome: Outcome | None = None
    """How the run ended. Absent while it is live."""

    reason: str | None = None
    """Why the newest failure happened, in one CamelCase word."""

    message: str | None = None
    """Why the newest failure happened, in one line that names the cure."""


class Progress(ApiModel):
    """How far the run is."""

    step: int = Field(ge=0)
    """Optimizer steps done so far."""

    max_steps: int = Field(ge=0)
    """Optimizer steps planned in all."""

    percent: int = Field(ge=0, le=100)
    """Share of the optimizer steps done, in per cent."""

    eta_seconds: int | None = Field(None, ge=0)
    """Time left, in seconds, from the mean step time of this attempt. Absent: unknown."""

    updated_at: Time
    """When the progress was written."""


class DatasetStatus(ApiModel):
    """What the run learns from."""

    matched: int = Field(ge=0)
    """Sessions that passed the filter."""

    used: int = Field(ge=0)
    """Sessions that became rows of the dataset."""

    rows: int | None = Field(None, ge=0)
    """Rows of the dataset: the turns of all sessions that are used."""

    prompts: dict[str, int] = {}
    """Rows by where their prompt comes from: `recorded`, `rebuilt` from the plan, `taskOnly`."""

    unreferenced: int | None = Field(None, ge=0)
    """Rows without a reference: no ground truth, and nobody vouches for the recorded answer."""

    shortened: int | None = Field(None, ge=0)
    """Rows whose prompt was too long, and lost parts of old tool results or prior results."""

    held_out: int | None = Field(None, ge=0)
    """Rows that are held out: evaluated on and never trained on."""

    held_out_alike: int | None = Field(None, ge=0)
    """Held-out rows whose task would be near-identical to a training task, if words with digits did not count."""

    dropped_rows: dict[str, int] = {}
    """Turns of used sessions that became no row, counted by cause."""

    dropped: dict[str, int] = {}
    """Sessions that became no row, counted by cause."""

    missing: dict[str, int] = {}
    """Sessions that passed the filter, counted by what their record lacks: `status`, `fields.reward`."""

    digest: str
    """SHA-256 over the rows of the dataset."""

    watermark: Time | None = None
    """Creation time of the newest session used. Absent: unknown."""


class CheckpointAddress(ApiModel):
    """Where a complete checkpoint is and what it holds."""

    uri: str
    """Path or `s3://` address of the checkpoint's folder."""

    step: int = Field(ge=0)
    """Optimizer steps that the checkpoint holds."""

    sha256: str
    """SHA-256 of the checkpoint's manifest, which lists the SHA-256 of every file."""

    metric: float | None = None
    """Held-out success rate, 0 to 1, where it was measured at this step."""


class CheckpointsStatus(ApiModel):
    """Complete checkpoints of the newest run."""

    latest: CheckpointAddress | None = None
    """The newest complete checkpoint."""

    previous: CheckpointAddress | None = None
    """The complete checkpoint before the newest one: a run goes on from it when that one is damaged."""

    best: CheckpointAddress | None = None
    """The complete checkpoint with the highest held-out success rate."""


class ModelStatus(ApiModel):
    """The newest finished model."""

    uri: str
    """Path or `s3://` address of the folder that `from_pretrained` takes."""

    run: int = Field(ge=1)
    """Number of the run that made the model."""

    sha256: str
    """SHA-256 of the model's manifest, which lists the SHA-256 of every file."""

    metric: float | None = None
    """Held-out success rate of the model, 0 to 1. Absent: not measured."""


class HistoryDataset(ApiModel):
    """What an earlier run learnt from."""

    digest: str
    """SHA-256 over the rows of the dataset."""

    used: int = Field(ge=0)
    """Sessions that became rows of the dataset."""

    rows: int | None = Field(None, ge=0)
    """Rows of the dataset."""


class HistoryEntry(ApiModel):
    """An earlier run of the training."""

    run: int = Field(ge=1)
    """Number of the run."""

    phase: Phase
    """How the run ended, in one word."""

    reason: str | None = None
    """Why the run did not succeed, in one CamelCase word. Absent when it did."""

    finished_at: Time
    """When the run ended."""

    trigger: Trigger | None = None
    """Why the run was started."""

    spec_hash: str | None = None
    """Hash of the recipe that the run trained."""

    started_at: Time | None = None
    """When the first attempt of the run started."""

    attempts: int | None = Field(None, ge=1)
    """Number of attempts that the run took."""

    ran_seconds: int | None = Field(None, ge=0)
    """Training time of all attempts of the run, in seconds."""

    dataset: HistoryDataset | None = None
    """What the run learnt from."""

    model: ModelStatus | None = None
    """The model that the run finished. Absent where there is none."""

    metrics: dict[str, float] = {}
    """Last numbers of the run, named as in `status.metrics`."""


class Display(ApiModel):
    """What `kubectl get` shows, ready to print."""

    method: str | None = None
    """How the model is trained, like `GRPO`."""

    progress: str | None = None
    """Share of the optimizer steps done, like `62%`."""

    step: str | None = None
    """Optimizer steps done and planned, like `248/400`."""

    eta: str | None = None
    """Time left until the run ends, like `41m`."""

    reward: str | None = None
    """Mean reward of the newest step, like `0.71`."""

    reason: str | None = None
    """Why no run works now, in one CamelCase word. Absent while one does, and after one that succeeded."""


class AtlasTrainingStatus(ApiModel):
    """What is known about the training."""

    observed_generation: int | None = None
    """Generation of the spec that this status speaks of; -1 until the operator has seen the object."""

    conditions: tuple[Condition, ...] = Field(
        (),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """Facts about the training, one of each type: Ready, Reconciling, Stalled, Accepted, Running, Suspended,
    LastRunSucceeded, ModelAvailable."""

    phase: Phase | None = None
    """What the newest run is doing, or how it ended, in one word."""

    message: str | None = None
    """What went wrong with the newest run, in one line that names the cure. Absent when nothing did."""

    run: RunStatus | None = None
    """The newest run of the training."""

    progress: Progress | None = None
    """How far the run is."""

    metrics: dict[str, float] = {}
    """Newest numbers of the run: `reward`, `loss`, `evalSuccess`, `evalTokens`, `baselineSuccess`, `baselineTokens`."""

    dataset: DatasetStatus | None = None
    """What the run learns from."""

    checkpoints: CheckpointsStatus = CheckpointsStatus()
    """Complete checkpoints of the newest run."""

    model: ModelStatus | None = None
    """The newest finished model, of this or an earlier run."""

    history: tuple[HistoryEntry, ...] = Field((), max_length=50)
    """Earlier runs of the training, newest first."""

    last_handled_retrain_at: str | None = Field(None, max_length=253)
    """Value of the annotation `atlas.arc.computer/retrain-at` that the newest run answered."""

    display: Display | None = None
    """What `kubectl get` shows, ready to print."""


class LocalStatus(AtlasTrainingStatus):
    """The status of a training that has had a run: what `atlas-core run` writes."""

    phase: Phase
    """What the newest run is doing, or how it ended, in one word."""

    run: RunStatus
    """The newest run of the training."""
