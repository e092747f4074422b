"""How long things may take and how often they are tried again."""

from pydantic import Field

from atlas_api.base import ApiModel


class Retries(ApiModel):
    """How often a run is tried again, by class of failure. Each attempt continues from the last complete checkpoint."""

    infrastructure: int = Field(5, ge=0, le=1000)
    """Retries after a failure of the infrastructure: node lost, storage or database away, pods evicted, no progress for
    `stallSeconds`."""

    preempted: int = Field(50, ge=0, le=1000)
    """Retries after pods had to make room for more important ones."""

    user: int = Field(0, ge=0, le=1000)
    """Retries after a failure that the manifest, the model or the code is to blame for."""

    data: int = Field(0, ge=0, le=1000)
    """Retries after a failure that the traces are to blame for."""

    out_of_memory: int = Field(0, ge=0, le=1000)
    """Retries after host or device memory was exhausted."""


class Limits(ApiModel):
    """Deadlines and retries of a run. Without a cluster only you set limits."""

    queue_seconds: int = Field(604_800, ge=1, le=2_000_000_000)
    """Longest wait, in seconds, until the queue admits an attempt and every pod has a node. Left out: a week."""

    start_seconds: int = Field(1800, ge=1, le=2_000_000_000)
    """Longest time, in seconds, between every pod having a node and all pods running: image pull, volumes. Also how
    long a mistake that keeps pods from running may stand, like a missing Secret."""

    run_seconds: int | None = Field(None, ge=1, le=2_000_000_000)
    """Longest training time of a run, in seconds, all attempts together. Left out: no limit."""

    stall_seconds: int = Field(1800, ge=1, le=2_000_000_000)
    """Longest time, in seconds, without a sign of progress; then the attempt is stopped and tried again."""

    retries: Retries = Retries()
    """How often a run is tried again."""
