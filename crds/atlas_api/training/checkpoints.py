"""Where checkpoints go and how many are kept."""

from typing import ClassVar

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.connections.s3 import AddressingStyle, Checksums
from atlas_api.names import DNS_SUBDOMAIN
from atlas_api.secrets import CredentialsSource


class S3Checkpoints(ApiModel):
    """A prefix in S3, or in any store with the same API."""

    uri: str = Field(pattern=r"^s3://[^/]+(/.*)?$", max_length=1024)
    """Address of the prefix, `s3://bucket/prefix`. Runs go below it, under namespace and name."""

    endpoint: str | None = Field(None, pattern=r"^https?://[^/]", max_length=1024)
    """Address of the store, for example `http://minio:9000`. Left out: AWS."""

    region: str | None = Field(None, min_length=1, max_length=64)
    """Region of the bucket. Left out: the standard AWS chain decides."""

    addressing_style: AddressingStyle | None = None
    """Where requests name the bucket: `path`, or `virtual` (in the host name). Left out: what the AWS configuration
    says, else `path` for an `endpoint`."""

    checksums: Checksums | None = None
    """When requests and answers carry checksums: `whenRequired`, which older stores need, or `whenSupported`. Left out:
    what the AWS configuration says, else `whenRequired` for an `endpoint`."""

    credentials_from: CredentialsSource | None = None
    """S3 credentials by reference."""


class VolumeCheckpoints(ApiModel):
    """A PersistentVolumeClaim in the training's namespace. Only worker 0 writes."""

    claim_name: str = Field(pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of the PersistentVolumeClaim."""

    path: str = Field("", max_length=1024, pattern=r"^([^/.][^/]*(/[^/.][^/]*)*)?$")
    """Folder in the claim. Runs go below it, under namespace and name. Left out: the root of the claim."""


class LocalCheckpoints(ApiModel):
    """A folder on this machine. Not for clusters, where it is lost with the pod."""

    path: str = Field(min_length=1, max_length=4096)
    """Path of the folder. Runs go below it, under namespace and name."""


class Checkpoints(ApiModel):
    """Where checkpoints go and how many are kept. Set exactly one of `s3`, `volume`, `local`."""

    s3: S3Checkpoints | None = None
    """A prefix in S3, or in any store with the same API."""

    volume: VolumeCheckpoints | None = None
    """A PersistentVolumeClaim in the training's namespace. Needs a cluster."""

    local: LocalCheckpoints | None = None
    """A folder on this machine. Needs `atlas-core run`."""

    every_steps: int = Field(50, ge=1, le=1_000_000_000)
    """Save every so many optimizer steps, and always at the end."""

    keep: int = Field(3, ge=1, le=1000)
    """Checkpoints kept beside the final model. The newest complete one is never deleted."""

    keep_best: bool = True
    """Keep the checkpoint with the best held-out success as well."""

    RULES: ClassVar = (
        Rule(
            "[has(self.s3), has(self.volume), has(self.local)].exists_one(is_set, is_set)",
            "set exactly one of s3, volume, local",
        ),
    )
