"""How stores are spoken to: the manifest decides, then the AWS configuration, then what most stores take."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from atlas_api.errors import AccessDenied, AtlasError, SourceMissing, SourceUnreachable
from atlas_api.pods.contract import CHECKPOINTS_S3
from atlas_trainer.storage.s3_client import client_for
from atlas_trainer.storage.s3_errors import translate

ENDPOINT = "http://minio.example:9000"


@pytest.fixture(autouse=True)
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The AWS configuration file, not there yet. The environment has keys."""
    for name in ("AWS_PROFILE", "AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path / "config"


def client(endpoint: str | None = ENDPOINT, **choices: Any) -> Any:
    return client_for(endpoint, "us-east-1", None, CHECKPOINTS_S3, **choices)


def host(endpoint: str | None = ENDPOINT, **choices: Any) -> str | None:
    """Host that a request for an object in bucket `models` goes to."""
    asked = {"Bucket": "models", "Key": "a"}
    url: str = client(endpoint, **choices).generate_presigned_url("get_object", Params=asked)
    return urlsplit(url).hostname


def checksums(endpoint: str | None = ENDPOINT, **choices: Any) -> tuple[str, str]:
    config = client(endpoint, **choices).meta.config
    return config.request_checksum_calculation, config.response_checksum_validation


def test_an_endpoint_has_buckets_in_the_path_and_aws_in_the_host_name() -> None:
    assert host() == "minio.example"
    assert host(None) == "models.s3.amazonaws.com"


def test_the_aws_configuration_chooses_how_buckets_are_addressed(aws: Path) -> None:
    aws.write_text("[default]\ns3 =\n  addressing_style = virtual\n")
    assert host() == "models.minio.example"
    aws.write_text("[default]\ns3 =\n  addressing_style = path\n")
    assert host(None) == "s3.amazonaws.com"


def test_other_settings_of_the_aws_configuration_leave_the_path(aws: Path) -> None:
    aws.write_text("[default]\ns3 =\n  max_concurrent_requests = 20\n")
    assert host() == "minio.example"


def test_the_manifest_chooses_before_the_aws_configuration(aws: Path) -> None:
    aws.write_text("[default]\ns3 =\n  addressing_style = virtual\nrequest_checksum_calculation = when_supported\n")
    assert host(addressing_style="path") == "minio.example"
    assert checksums(checksums="whenRequired") == ("when_required", "when_required")


def test_a_profile_that_is_chosen_counts(aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.write_text("[default]\n[profile r2]\ns3 =\n  addressing_style = virtual\n")
    monkeypatch.setenv("AWS_PROFILE", "r2")
    assert host() == "models.minio.example"


def test_checksums_are_left_out_for_an_endpoint_and_sent_to_aws() -> None:
    assert checksums() == ("when_required", "when_required")
    assert checksums(None) == ("when_supported", "when_supported")


def test_the_aws_configuration_chooses_checksums(aws: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.write_text("[default]\nrequest_checksum_calculation = when_supported\n")
    assert checksums() == ("when_supported", "when_required")
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_supported")
    assert checksums() == ("when_supported", "when_supported")
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    assert checksums(None) == ("when_required", "when_supported")


@pytest.mark.parametrize(
    "text",
    [
        "[default]\ns3 =\n  addressing_style = sideways\n",
        "[default]\nrequest_checksum_calculation = sometimes\n",
        "[default\n",
    ],
)
def test_a_wrong_aws_configuration_is_named(aws: Path, text: str) -> None:
    aws.write_text(text)
    with pytest.raises(SourceMissing, match=r"^the AWS configuration: not usable as written .* AWS profile$"):
        client()


def refused(operation: str, code: str, words: str = "", status: int = 403) -> AtlasError:
    answer: Any = {"Error": {"Code": code, "Message": words}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return translate(ClientError(answer, operation), "s3://models/a")


@pytest.mark.parametrize(
    ("operation", "right"),
    [
        ("PutObject", "s3:PutObject"),
        ("CreateMultipartUpload", "s3:PutObject"),
        ("DeleteObject", "s3:DeleteObject"),
        ("GetObject", "s3:GetObject"),
        ("HeadObject", "s3:GetObject"),
        ("ListObjectsV2", "s3:ListBucket"),
    ],
)
def test_the_right_that_is_missing_is_named(operation: str, right: str) -> None:
    words = "User: arn:aws:iam::1:user/a is not authorized to perform this. More. And more."
    error = refused(operation, "AccessDenied", words)
    assert isinstance(error, AccessDenied)
    assert f"{right} is missing; the store says: User: arn:aws:iam::1:user/a is not authorized" in str(error)
    assert "More" not in str(error)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InvalidAccessKeyId", 403, AccessDenied),
        ("ExpiredToken", 400, AccessDenied),
        ("SlowDown", 503, SourceUnreachable),
        ("InternalError", 500, SourceUnreachable),
        ("PreconditionFailed", 412, SourceUnreachable),
        ("PermanentRedirect", 301, SourceMissing),
        ("NotImplemented", 400, AtlasError),
        ("EntityTooLarge", 400, AtlasError),
    ],
)
def test_whose_fault_an_answer_is(code: str, status: int, kind: type[AtlasError]) -> None:
    error = refused("PutObject", code, "Say it once. Say it twice.", status)
    assert type(error) is kind
    assert "twice" not in str(error)
    assert "is missing" not in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "The key AKIAABCDEFGHIJKLMNOP is unknown",
        f"Token {'aZ09+/' * 40}= expired",
        f"Signature {'0a' * 32} does not match",
        "Two\nlines\x1b[31m and a colour",
        "x " * 100_000,
    ],
)
def test_words_of_a_store_are_short_safe_to_show_and_without_keys(words: str) -> None:
    message = str(refused("GetObject", "AccessDenied", words))
    assert len(message) < 500
    assert message.isprintable()
    assert "AKIA" not in message
    assert "aZ09" not in message
    assert "0a0a" not in message
