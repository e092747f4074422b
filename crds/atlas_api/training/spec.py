"""AtlasTraining: "a model trained by this recipe on these traces should exist"."""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from atlas_api.base import ApiModel, Rule
from atlas_api.names import DNS_LABEL, DNS_SUBDOMAIN
from atlas_api.training.checkpoints import Checkpoints
from atlas_api.training.compute import Compute
from atlas_api.training.evaluation import Evaluation
from atlas_api.training.grpo import Grpo
from atlas_api.training.limits import Limits
from atlas_api.training.model import ModelSpec
from atlas_api.training.optimization import Optimization
from atlas_api.training.retrain import Retrain
from atlas_api.training.reward import Reward
from atlas_api.training.status import AtlasTrainingStatus
from atlas_api.training.traces import Traces


class AtlasTrainingSpec(ApiModel):
    """What to train, on what, and how."""

    model: ModelSpec
    """The model that training starts from (the policy)."""

    traces: Traces
    """Where recorded sessions come from and which are learnt from."""

    grpo: Grpo
    """Group relative policy optimisation."""

    reward: Reward
    """How completions are scored: by verifiers, by judges, or by both."""

    evaluation: Evaluation = Evaluation()
    """How the model is measured: by greedy completions of held-out tasks."""

    optimization: Optimization = Optimization()
    """The optimizer, AdamW: steps, learning rate, batches."""

    checkpoints: Checkpoints
    """Where checkpoints go and how many are kept."""

    compute: Compute = Compute()
    """How the training pods look and where they run."""

    limits: Limits = Limits()
    """Deadlines and retries of a run."""

    retrain: Retrain = Retrain()
    """When a new run starts."""

    suspend: bool = False
    """Stop after a checkpoint and free the pods; set it back to go on from there."""

    history_limit: int = Field(10, ge=0, le=50)
    """Earlier runs that the status remembers, 0 to 50."""

    ready_when: Literal["Accepted", "Running", "Succeeded"] = "Accepted"
    """What the condition Ready means while nothing has failed. Runs take hours: pipelines rarely wait for more."""

    trainer_args: dict[str, Any] = {}
    """Arguments that TRL's `GRPOConfig` takes as they are, for exotic knobs. Names that other fields set are refused.
    `report_to` may be `wandb` (installed, with `WANDB_API_KEY` in the environment) or `mlflow`."""

    RULES: ClassVar = (
        Rule(
            "self.optimization.batchSize % self.grpo.groupSize == 0",
            "optimization.batchSize must be a multiple of grpo.groupSize: a group is never split over two steps",
        ),
        Rule(
            "self.model.maxLength > self.grpo.maxCompletionTokens",
            "model.maxLength must exceed grpo.maxCompletionTokens: no room is left for the prompt",
        ),
        Rule(
            "self.optimization.batchSize % (self.compute.workers * (self.compute.gpusPerWorker > 1"
            " ? self.compute.gpusPerWorker : 1)) == 0",
            "optimization.batchSize must be a multiple of the training processes"
            " (compute.workers times compute.gpusPerWorker)",
        ),
    )

    @property
    def method(self) -> str:
        """Name of the algorithm, as people read it: the part of the spec that asks for it."""
        return "GRPO"

    @property
    def max_completion_tokens(self) -> int:
        """Largest number of tokens of a completion, in training and evaluation."""
        return self.grpo.max_completion_tokens

    def hash(self) -> str:
        """Digest of what changes the trained model. Where it runs and is kept does not count.

        Values that are the default are left out, so that a later version with more fields gives the same digest.
        """
        document = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=_NOT_THE_RECIPE)
        for how in ("credentialsFrom", "addressingStyle", "checksums"):
            document["traces"].get("s3", {}).pop(how, None)
        document["reward"].get("serviceRef", {}).pop("tokenFrom", None)
        document["reward"].pop("waitSeconds", None)
        return _digest(document)

    def placement_hash(self) -> str:
        """Digest of how an attempt is executed: another one needs other pods, not another model.

        Values that are the default are left out here too: a later version with more fields moves nothing.
        """
        where = self.model_dump(mode="json", exclude_defaults=True, include=_PLACEMENT)
        return _digest([self.compute.normalised(), where])

    def limits_hash(self) -> str:
        """Digest of deadlines and retries."""
        seconds = self.reward.wait_seconds
        wait = {"reward_wait_seconds": seconds} if seconds else {}
        return _digest({**self.limits.model_dump(mode="json", exclude_defaults=True), **wait})


_NOT_THE_RECIPE = {"checkpoints", "compute", "limits", "retrain", "suspend", "history_limit", "ready_when"}
_PLACEMENT: Any = {
    "checkpoints": {"s3", "volume", "local"},
    "traces": {"s3": {"credentials_from", "addressing_style", "checksums"}},
    "reward": {"service_ref": {"token_from"}},
}


def _digest(document: Any) -> str:
    """16 hex digits over *document*, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


class Metadata(BaseModel):
    """The part of Kubernetes' ObjectMeta that matters without a cluster. Other keys are left to the API server."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    name: Annotated[str, Field(pattern=DNS_SUBDOMAIN, max_length=253)]
    namespace: Annotated[str, Field(pattern=DNS_LABEL, max_length=63)] = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class AtlasTraining(ApiModel):
    """A model trained by this recipe on these traces."""

    api_version: Literal["atlas.arc.computer/v1alpha1"]
    """Version of the API, `atlas.arc.computer/v1alpha1`."""

    kind: Literal["AtlasTraining"]
    """Kind of the object, `AtlasTraining`."""

    metadata: Metadata
    """Name and namespace of the object."""

    spec: AtlasTrainingSpec
    """What to train, on what, and how."""

    status: AtlasTrainingStatus | None = None
    """What is known about the training. Written by atlas-core only."""

    @property
    def key(self) -> str:
        """Where everything about this training lives, below the address in `spec.checkpoints`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"
