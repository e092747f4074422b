"""What is known about a RewardService, and what its pods report of their judges. Unknown is absent, never 0."""

from typing import Annotated, Literal

from pydantic import Field

from atlas_api.base import ApiModel
from atlas_api.condition import Condition

JudgeState = Literal["Answering", "Failing", "Unknown"]

JudgeName = Annotated[str, Field(max_length=40)]


class JudgeStatus(ApiModel):
    """How a judge has answered lately."""

    name: JudgeName
    """Name of the judge, as in the spec."""

    state: JudgeState
    """How the judge answers: `Answering`, `Failing` (for one pod at least), or `Unknown` until it was asked."""

    p50_ms: int | None = Field(None, ge=0)
    """Median of the time to a verdict, in milliseconds. Of several pods the slowest one's. Absent: unknown."""

    p99_ms: int | None = Field(None, ge=0)
    """99th percentile of the time to a verdict, in milliseconds. Of several pods the slowest one's. Absent: unknown."""

    error_rate: float | None = Field(None, ge=0.0, le=1.0)
    """Share of the questions that gave no verdict, 0 to 1. Absent: unknown."""

    reason: str | None = Field(None, max_length=64)
    """Why the judge fails, in one word. Absent while it does not."""


class JudgeReport(JudgeStatus):
    """How a judge has answered one pod lately."""

    questions: int = Field(0, ge=0)
    """Questions that `errorRate` is a share of."""


class JudgesReport(ApiModel):
    """What a pod of a RewardService says on a cluster. The operator checks and bounds it before it believes it."""

    revision: str
    """Revision of the configuration that the pod scores with."""

    judges: tuple[JudgeReport, ...] = Field((), max_length=16)
    """All judges of the configuration."""


class RewardServiceDisplay(ApiModel):
    """What `kubectl get` shows, ready to print."""

    replicas: str | None = None
    """Pods that answer, of those wanted, like `2/2`."""

    judges: str | None = None
    """Judges that answer, of all, like `3/4`."""

    p99: str | None = None
    """99th percentile of the slowest judge's time to a verdict, like `840ms`."""

    reason: str | None = None
    """Why the service is not ready, in one CamelCase word. Absent when it is."""


class RewardServiceStatus(ApiModel):
    """What is known about the service."""

    observed_generation: int | None = None
    """Generation of the spec that this status speaks of; -1 until the operator has seen the object."""

    conditions: tuple[Condition, ...] = Field(
        (),
        max_length=16,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """Facts about the service, one of each type: Ready, Reconciling, Stalled, Available, Degraded, ConfigLoaded."""

    url: str | None = Field(None, max_length=1024)
    """Address of the service inside the cluster."""

    revision: str | None = Field(None, max_length=64)
    """Revision of the configuration that every pod scores with. While another one rolls out: the one before it."""

    replicas: int | None = None
    """Pods that are wanted."""

    ready_replicas: int | None = None
    """Pods that answer, of any revision."""

    judges: tuple[JudgeStatus, ...] = Field((), max_length=16)
    """How the judges answer, over all pods."""

    display: RewardServiceDisplay | None = None
    """What `kubectl get` shows, ready to print."""
