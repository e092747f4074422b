"""
The S3 client, and what its errors mean to a user. Reads traces and keeps checkpoints.

Works with any store that speaks the S3 API. Knows nothing of traces or checkpoints; secrets appear in no message.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
import botocore.session
from boto3.exceptions import Boto3Error
from botocore import exceptions as botocore_errors
from botocore.config import Config
from botocore.credentials import SharedCredentialProvider
from urllib3.exceptions import HTTPError

from atlas_api.errors import AccessDenied, AtlasError, SourceMissing, SourceUnreachable
from atlas_api.manifest.paths import expanded
from atlas_api.pods.contract import AWS_KEYS
from atlas_api.secrets import CredentialsSource, SecretRef

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
ATTEMPTS = 5

S3_ERRORS = (botocore_errors.BotoCoreError, botocore_errors.ClientError, Boto3Error, HTTPError)
"""Errors that a call, or reading a response body, can raise."""

_MISSING = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound", "InvalidBucketName"})
_DENIED = frozenset(
    {
        "401",
        "403",
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
    }
)
_OTHER_REGION = frozenset(
    {"301", "307", "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraint"}
)
_BUSY = frozenset({"429", "RequestTimeout", "SlowDown", "Throttling", "TooManyRequests"})
_NO_CREDENTIALS = (
    botocore_errors.CredentialRetrievalError,
    botocore_errors.LoginError,
    botocore_errors.NoAuthTokenError,
    botocore_errors.NoCredentialsError,
    botocore_errors.PartialCredentialsError,
    botocore_errors.ProfileNotFound,
    botocore_errors.SSOError,
    botocore_errors.TokenRetrievalError,
)
_MISCONFIGURED = (
    botocore_errors.ConfigNotFound,
    botocore_errors.ConfigParseError,
    botocore_errors.ParamValidationError,
    botocore_errors.ValidationError,
)


def client_for(
    endpoint: str | None, region: str | None, credentials_from: CredentialsSource | None, prefix: str
) -> "S3Client":
    """
    Return a client. Without `credentials_from` the standard AWS chain decides: environment, profile, role.

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
            config=_config(custom=endpoint is not None),
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


def _config(custom: bool) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "max_attempts": ATTEMPTS},
        # Buckets are no host names below a custom endpoint's name.
        s3={"addressing_style": "path" if custom else "auto"},
        # Older stores refuse the checksum trailers that boto3 adds by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
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


@contextmanager
def s3_errors(what: str) -> Iterator[None]:
    """Turn errors of S3 calls in the block into ours. `what` is the address that the user knows, `s3://bucket/key`."""
    try:
        yield
    except S3_ERRORS as error:
        raise translate(error, what) from error


def is_missing(error: Exception) -> bool:
    """Whether the object, and only the object, is not there."""
    return isinstance(error, botocore_errors.ClientError) and _code(error) in {"404", "NoSuchKey", "NotFound"}


def translate(error: Exception, what: str) -> AtlasError:
    """Say what an error of boto3 means and what to do about it. `what` is the address that the user knows."""
    cause = error.__context__ if isinstance(error, Boto3Error) and error.__context__ else error
    if isinstance(cause, botocore_errors.ClientError):
        return _refused(cause, what)
    if isinstance(cause, _NO_CREDENTIALS):
        return AccessDenied(f"{what}: no credentials found; set credentialsFrom.file, or give the AWS chain some")
    if isinstance(cause, _MISCONFIGURED):
        return SourceMissing(f"{what}: not usable as written ({_one_line(cause)}); check uri, region and AWS profile")
    if isinstance(cause, botocore_errors.SSLError):
        return SourceUnreachable(f"{what}: no secure connection ({_one_line(cause)}); check endpoint and certificates")
    return SourceUnreachable(f"{what}: no answer from the store ({type(cause).__name__}); check endpoint and network")


def _refused(error: botocore_errors.ClientError, what: str) -> AtlasError:
    code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return SourceMissing(f"{what}: the bucket does not exist; check uri and endpoint")
    if code in _MISSING:
        return SourceMissing(f"{what}: does not exist; check uri and endpoint")
    if code in _DENIED:
        return AccessDenied(f"{what}: access denied ({code}); check the credentials and their rights on the bucket")
    if code in _OTHER_REGION:
        return SourceMissing(f"{what}: the bucket lives in another region ({code}); set region")
    if code in _BUSY or status >= 500:  # noqa: PLR2004
        return SourceUnreachable(
            f"{what}: the store still answers {code} ({status}) after {ATTEMPTS} attempts; try later"
        )
    return AtlasError(f"{what}: the store refuses the request with {code} ({status})")


def _code(error: botocore_errors.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
