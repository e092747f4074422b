"""AtlasTraining: "a model trained by this recipe on these traces should exist"."""

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from atlas_api.base import ApiModel, Rule
from atlas_api.checkpoints import Checkpoints
from atlas_api.evaluation import Evaluation
from atlas_api.grpo import Grpo
from atlas_api.model import ModelSpec
from atlas_api.optimization import Optimization
from atlas_api.reward import Reward
from atlas_api.status import AtlasTrainingStatus
from atlas_api.traces import Traces

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"


class AtlasTrainingSpec(ApiModel):
    """What to train, on what, and how."""

    model: ModelSpec
    """The policy to start from."""

    traces: Traces
    """The sessions that are learnt from."""

    grpo: Grpo
    """Group relative policy optimisation."""

    reward: Reward
    """What a good completion is."""

    evaluation: Evaluation = Evaluation()
    """Measuring on held-out tasks."""

    optimization: Optimization = Optimization()
    """The optimizer."""

    checkpoints: Checkpoints
    """Where the results go."""

    trainer_args: dict[str, Any] = {}
    """Passed to TRL's `GRPOConfig` as is, for exotic knobs. Names that other fields set are refused."""

    RULES: ClassVar = (
        Rule(
            "self.optimization.batchSize % self.grpo.groupSize == 0",
            "optimization.batchSize must be a multiple of grpo.groupSize: a group is never split over two steps",
        ),
        Rule(
            "self.model.maxLength > self.grpo.maxCompletionTokens",
            "model.maxLength must exceed grpo.maxCompletionTokens: no room is left for the prompt",
        ),
    )

    def hash(self) -> str:
        """16 hex digits over what changes the trained model, after defaulting; where results go does not count."""
        document = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"checkpoints"})
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
    """`atlas.arc.computer/v1alpha1`."""

    kind: Literal["AtlasTraining"]
    """`AtlasTraining`."""

    metadata: Metadata
    """Name and namespace."""

    spec: AtlasTrainingSpec
    """What should exist."""

    status: AtlasTrainingStatus | None = None
    """What exists. Written by atlas-core only."""

    @property
    def key(self) -> str:
        """Where everything about this training lives, below the address in `spec.checkpoints`."""
        return f"{self.metadata.namespace}/{self.metadata.name}"
