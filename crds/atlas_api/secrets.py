"""Where a secret comes from. Never the secret itself: manifests, logs and status carry only these references."""

from typing import ClassVar

from pydantic import Field

from atlas_api.base import ApiModel, Rule


class SecretSource(ApiModel):
    """A secret by reference. Set exactly one of `env`, `file`."""

    env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds the secret, for example `ATLAS_DB_URL`."""

    file: str | None = Field(None, min_length=1)
    """Path of a file that holds the secret; surrounding white space is cut."""

    RULES: ClassVar = (
        Rule("[has(self.env), has(self.file)].exists_one(is_set, is_set)", "set exactly one of env, file"),
    )


class CredentialsSource(ApiModel):
    """S3 credentials by reference. Left out as a whole, the standard AWS chain is used (environment, profile, role)."""

    file: str = Field(min_length=1)
    """Path of a file in the AWS shared-credentials format, with a `[default]` section."""
