"""What errors of S3 mean to a user: whose fault it is, in the words of the store, with the right that is missing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore import exceptions as botocore_errors
from s3transfer import exceptions as transfer_errors
from urllib3.exceptions import HTTPError

from atlas_api.errors import AccessDenied, AtlasError, SourceMissing, SourceUnreachable
from atlas_api.text import one_line

ATTEMPTS = 5
"""How often a request is tried before its error counts."""

S3_ERRORS = (
    botocore_errors.BotoCoreError,
    botocore_errors.ClientError,
    Boto3Error,
    HTTPError,
    transfer_errors.RetriesExceededError,
    transfer_errors.S3DownloadFailedError,
    transfer_errors.S3ValidationError,
)
"""Errors that a call, or reading a response body, can raise."""

RIGHTS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
}
"""Right that a request needs, by its name."""

_WORDS = 240
"""Longest quotation of a store."""

_LONG_WORD = re.compile(r"[A-Za-z0-9+/=]{40,}|\b(?:AKIA|ASIA)[A-Z0-9]{8,}")
"""What may be a key, a session token or a signature, which some gateways quote."""

_MISSING = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NotFound", "InvalidBucketName"})
_DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled"})
_UNKNOWN_KEYS = frozenset(
    {"401", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"}
)
_OTHER_REGION = frozenset(
    {"301", "307", "AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraint"}
)
_CHANGED = frozenset({"412", "PreconditionFailed"})
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
    botocore_errors.InvalidChecksumConfigError,
    botocore_errors.InvalidConfigError,
    botocore_errors.InvalidEndpointConfigurationError,
    botocore_errors.InvalidProxiesConfigError,
    botocore_errors.InvalidRetryConfigurationError,
    botocore_errors.InvalidS3AddressingStyleError,
    botocore_errors.ParamValidationError,
    botocore_errors.UnsupportedS3ConfigurationError,
    botocore_errors.ValidationError,
)


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
    cause = _cause(error)
    if isinstance(cause, botocore_errors.ClientError):
        return _refused(cause, what)
    if isinstance(cause, _NO_CREDENTIALS):
        return AccessDenied(f"{what}: no credentials found; set credentialsFrom.file, or give the AWS chain some")
    if isinstance(cause, _MISCONFIGURED):
        return SourceMissing(f"{what}: not usable as written ({_quoted(cause)}); check uri, region and AWS profile")
    if isinstance(cause, botocore_errors.SSLError):
        return SourceUnreachable(f"{what}: no secure connection ({_quoted(cause)}); check endpoint and certificates")
    if isinstance(cause, transfer_errors.S3DownloadFailedError):
        return _changed(what)
    return SourceUnreachable(f"{what}: no answer from the store ({type(cause).__name__}); check endpoint and network")


def _cause(error: Exception) -> BaseException:
    """What is at the bottom of an error that only says that a transfer failed."""
    if isinstance(error, transfer_errors.RetriesExceededError):
        return error.last_exception
    return error.__context__ if isinstance(error, Boto3Error) and error.__context__ else error


def _refused(error: botocore_errors.ClientError, what: str) -> AtlasError:
    code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = _said(error)
    if code in _MISSING:
        missing = "the bucket does not exist" if code == "NoSuchBucket" else "does not exist"
        return SourceMissing(f"{what}: {missing}; check uri and endpoint")
    if code in _DENIED or code in _UNKNOWN_KEYS:
        right = RIGHTS.get(error.operation_name, error.operation_name)
        rights = f" and their rights on the bucket: {right} is missing" if code in _DENIED else ""
        return AccessDenied(f"{what}: access denied ({code}); check the credentials{rights}{said}")
    if code in _OTHER_REGION:
        return SourceMissing(f"{what}: the bucket lives in another region ({code}); set region{said}")
    if code in _CHANGED:
        return _changed(what)
    if code in _BUSY or status >= 500:  # noqa: PLR2004
        return SourceUnreachable(
            f"{what}: the store still answers {code} ({status}) after {ATTEMPTS} attempts; try later{said}"
        )
    return AtlasError(f"{what}: the store refuses {error.operation_name} with {code} ({status}){said}")


def _changed(what: str) -> SourceUnreachable:
    return SourceUnreachable(f"{what}: the object changed while it was read; run again when its writer has finished")


def _code(error: botocore_errors.ClientError) -> str:
    return one_line(str(error.response.get("Error", {}).get("Code", "")), 64)


def _said(error: botocore_errors.ClientError) -> str:
    """The first sentence of the store's own words, to be put at the end; empty when it said nothing."""
    words = str(error.response.get("Error", {}).get("Message") or "")
    sentence = re.split(r"(?<=[.!?])\s", words.strip(), maxsplit=1)[0]
    return f"; the store says: {_short(sentence)}" if sentence else ""


def _quoted(error: BaseException) -> str:
    return _short(str(error))


def _short(words: str) -> str:
    return one_line(_LONG_WORD.sub("…", words[: 4 * _WORDS]), _WORDS)
