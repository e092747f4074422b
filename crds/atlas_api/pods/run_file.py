"""run.json: what the trainer is told. The spec as written, plus what had to be looked up."""

from datetime import UTC

from pydantic import Field

from atlas_api.base import ApiModel
from atlas_api.times import Time
from atlas_api.training.spec import AtlasTrainingSpec


class TrainingRun(ApiModel):
    """One attempt at one run of an AtlasTraining."""

    name: str
    """Name of the AtlasTraining."""

    namespace: str
    """Namespace of the AtlasTraining."""

    number: int = Field(ge=1)
    """Number of the run, counted from 1."""

    attempt: int = Field(ge=1)
    """Number of the attempt at this run, counted from 1."""

    started_at: Time
    """When the first attempt of this run started."""

    apart: bool = False
    """Whether an earlier training of the same name has had a run of this number at the same address."""

    spec: AtlasTrainingSpec
    """Spec of the AtlasTraining: the recipe."""

    @property
    def folder(self) -> str:
        """Where everything of this run lives, below the address in `spec.checkpoints`."""
        start = f"-{self.started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}" if self.apart else ""
        return f"{self.namespace}/{self.name}/run-{self.number:04d}{start}"
