"""Where checkpoints go and how many are kept."""

from typing import ClassVar

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.secrets import CredentialsSource


class S3Checkpoints(ApiModel):
    """S3, or any store with the same API."""

    uri: str = Field(pattern=r"^s3://[^/]+(/.*)?$")
    """`s3://bucket/prefix`. Runs go below it, under namespace and name."""

    endpoint: str | None = Field(None, pattern=r"^https?://")
    """Address of the store when it is not AWS, for example `http://minio:9000`."""

    region: str | None = None
    """Region of the bucket. Left out: the standard AWS chain decides."""

    credentials_from: CredentialsSource | None = None
    """Reference to the credentials. Left out: the standard AWS chain."""


class LocalCheckpoints(ApiModel):
    """A folder on this machine."""

    path: str = Field(min_length=1)
    """The folder. Runs go below it, under namespace and name."""


class Checkpoints(ApiModel):
    """What is saved during a run. Set exactly one of `s3`, `local`."""

    s3: S3Checkpoints | None = None
    """An object store."""

    local: LocalCheckpoints | None = None
    """A folder."""

    every_steps: int = Field(50, ge=1)
    """Save every so many optimizer steps, and always at the end."""

    keep: int = Field(3, ge=1)
    """Checkpoints kept beside the final model. The newest complete one is never deleted."""

    keep_best: bool = True
    """Keep the checkpoint with the best held-out success as well."""

    RULES: ClassVar = (
        Rule("[has(self.s3), has(self.local)].exists_one(is_set, is_set)", "set exactly one of s3, local"),
    )
