"""
The S3 client. Reads traces and keeps checkpoints. What its errors mean is in `s3_errors`.

Works with any store that speaks the S3 API. Knows nothing of traces or checkpoints; secrets appear in no message.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore import exceptions as botocore_errors
from botocore.config import Config
from botocore.credentials import SharedCredentialProvider

from atlas_api.connections.s3 import AddressingStyle, Checksums
from atlas_api.errors import AccessDenied, SourceMissing
from atlas_api.manifest.paths import expanded
from atlas_api.pods.contract import AWS_KEYS
from atlas_api.secrets import CredentialsSource, SecretRef
from atlas_trainer.storage.s3_errors import ATTEMPTS, s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
_CHECKSUMS = {"whenRequired": "when_required", "whenSupported": "when_supported"}


def client_for(
    endpoint: str | None,
    region: str | None,
    credentials_from: CredentialsSource | None,
    prefix: str,
    *,
    addressing_style: AddressingStyle | None = None,
    checksums: Checksums | None = None,
) -> "S3Client":
    """
    Return a client. What is left out is what the AWS configuration says: environment, profile, role.

    `prefix` begins the names of the variables in which pods get the keys of a `secretRef`. Nothing is sent yet. Raises
    SourceMissing when the credentials file, such a variable or the endpoint's host is missing, AccessDenied when the
    file holds no usable `[default]` section.
    """
    if endpoint and not urlsplit(endpoint).hostname:
        raise SourceMissing(f"endpoint {endpoint!r} names no host: write it as http://host:port")
    base = _session(credentials_from, prefix)
    with s3_errors("the AWS configuration"):
        session = boto3.Session(botocore_session=base)
        return session.client(
            "s3",
            endpoint_url=endpoint,
            # Custom stores mostly ignore the region, but requests cannot be signed without one.
            region_name=region or session.region_name or ("us-east-1" if endpoint else None),
            config=_config(base, endpoint is not None, addressing_style, checksums),
        )


def check_credentials(credentials_from: CredentialsSource, prefix: str) -> None:
    """Raises what `client_for` would where the credentials are missing or cannot be used. Asks nobody."""
    _session(credentials_from, prefix)


def _session(credentials_from: CredentialsSource | None, prefix: str) -> botocore.session.Session:
    session = botocore.session.get_session()
    if credentials_from and credentials_from.file:
        _use_file(session, expanded(credentials_from.file))
    if credentials_from and credentials_from.secret_ref:
        _use_secret(session, credentials_from.secret_ref, prefix)
    return session


def _config(
    session: botocore.session.Session,
    custom: bool,
    addressing_style: AddressingStyle | None,
    checksums: Checksums | None,
) -> Config:
    """The manifest's choice, else that of the AWS configuration, else what stores behind a *custom* endpoint take."""
    profile = session.get_scoped_config()
    settings: dict[str, Any] = {}
    # Buckets are no host names below a custom endpoint's name.
    if custom and "addressing_style" not in (session.get_config_variable("s3") or {}):
        settings["s3"] = {"addressing_style": "path"}
    if addressing_style:
        settings["s3"] = {"addressing_style": addressing_style}
    for name in ("request_checksum_calculation", "response_checksum_validation"):
        # Older stores refuse the checksum trailers that boto3 adds by default.
        if custom and name not in profile and f"AWS_{name.upper()}" not in os.environ:
            settings[name] = _CHECKSUMS["whenRequired"]
        if checksums:
            settings[name] = _CHECKSUMS[checksums]
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        **settings,
    )


def _use_file(session: botocore.session.Session, path: Path) -> None:
    """Make the session use the file alone: the standard chain would prefer the environment to it."""
    cure = "it must have a [default] section with aws_access_key_id and aws_secret_access_key"
    if not path.is_file():
        raise SourceMissing(f"credentials file {path} does not exist; put it there or correct credentialsFrom.file")
    try:
        credentials = SharedCredentialProvider(str(path), "default").load()
    except (botocore_errors.BotoCoreError, OSError, ValueError) as error:
        raise AccessDenied(f"credentials file {path} cannot be read: {cure}") from error
    if credentials is None:
        raise AccessDenied(f"credentials file {path} holds no credentials: {cure}")
    session.set_credentials(credentials.access_key, credentials.secret_key, credentials.token)


def _use_secret(session: botocore.session.Session, secret: SecretRef, prefix: str) -> None:
    """Make the session use the keys of the Secret alone, from the variables that pods get them in."""
    access_key, secret_key, token = (os.environ.get(f"{prefix}{name}", "").strip() for name in AWS_KEYS)
    for name, value in zip(AWS_KEYS, (access_key, secret_key), strict=False):
        if not value:
            raise SourceMissing(
                f"environment variable {prefix}{name} (on a cluster: key {name} of Secret {secret.name}) is not set "
                "or empty; put the key there or correct credentialsFrom"
            )
    session.set_credentials(access_key, secret_key, token or None)
