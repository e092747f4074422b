"""Where a secret comes from. Never the secret itself: manifests, logs and status carry only these references."""

from typing import ClassVar

from pydantic import Field

from atlas_api.base import ApiModel, Rule
from atlas_api.names import DNS_SUBDOMAIN, KEY


class SecretKeyRef(ApiModel):
    """One key of a Kubernetes Secret in the namespace of the object. Only the kubelet reads it, for the pod."""

    name: str = Field(pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of the Secret."""

    key: str = Field(pattern=KEY, max_length=253)
    """Key of the value in the Secret."""


class SecretRef(ApiModel):
    """A Kubernetes Secret in the namespace of the object."""

    name: str = Field(pattern=DNS_SUBDOMAIN, max_length=253)
    """Name of the Secret."""


class SecretSource(ApiModel):
    """A secret by reference. Set exactly one of `secretKeyRef`, `env`, `file`."""

    secret_key_ref: SecretKeyRef | None = None
    """Key of a Kubernetes Secret. Without a cluster, the environment variable that pods get it in is read instead."""

    env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=253)
    """Name of the environment variable that holds the secret, for example `ATLAS_DB_URL`."""

    file: str | None = Field(None, min_length=1, max_length=4096)
    """Path of a file that holds the secret; surrounding white space is cut."""

    RULES: ClassVar = (
        Rule(
            "[has(self.secretKeyRef), has(self.env), has(self.file)].exists_one(is_set, is_set)",
            "set exactly one of secretKeyRef, env, file",
        ),
    )


class CredentialsSource(ApiModel):
    """S3 credentials by reference. Left out as a whole, the standard AWS chain is used (environment, profile, role)."""

    secret_ref: SecretRef | None = None
    """Kubernetes Secret with the keys `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and perhaps `AWS_SESSION_TOKEN`."""

    file: str | None = Field(None, min_length=1, max_length=4096)
    """Path of a file in the AWS shared-credentials format, with a `[default]` section."""

    RULES: ClassVar = (
        Rule("[has(self.secretRef), has(self.file)].exists_one(is_set, is_set)", "set exactly one of secretRef, file"),
    )
