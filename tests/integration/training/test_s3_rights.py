"""Rights that are missing on a bucket are found in the first minute, and named."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest
from support.server.bucket import Bucket

from atlas_api.errors import AccessDenied, CheckpointFailed
from atlas_trainer.storage.s3_store import S3Store
from atlas_trainer.storage.store import LocalStore
from atlas_trainer.storage.trial import try_out

ALL = ("s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject")
FOLDER = "agents/demo/run-0001"


@contextmanager
def user_with(bucket: Bucket, *rights: str) -> Iterator[S3Store]:
    """The bucket as a user sees it who has these rights."""
    iam = boto3.client("iam", endpoint_url=bucket.endpoint, region_name="us-east-1")
    statement = {"Effect": "Allow", "Action": list(rights), "Resource": "*"}
    iam.create_user(UserName="trainer")
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="trainer", PolicyName="rights", PolicyDocument=document)
    key = iam.create_access_key(UserName="trainer")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    _check_rights_after(bucket.endpoint, "0")
    try:
        yield S3Store(session.client("s3", endpoint_url=bucket.endpoint), bucket.name, "models")
    finally:
        _check_rights_after(bucket.endpoint, "inf")


def _check_rights_after(endpoint: str, requests: str) -> None:
    urlopen(Request(f"{endpoint}/moto-api/reset-auth", requests.encode(), {"Content-Type": "text/plain"})).close()


def test_with_all_rights_a_trial_leaves_nothing(bucket: Bucket) -> None:
    with user_with(bucket, *ALL) as store:
        try_out(store, FOLDER)
    assert bucket.client.list_objects_v2(Bucket=bucket.name).get("Contents", []) == []


@pytest.mark.parametrize("missing", ALL)
def test_the_right_that_is_missing_is_named(bucket: Bucket, missing: str) -> None:
    rights = [right for right in ALL if right != missing]
    with (
        user_with(bucket, *rights) as store,
        pytest.raises(AccessDenied, match=f"{missing} is missing; the store says"),
    ):
        try_out(store, FOLDER)


def test_a_trial_in_a_folder_leaves_nothing(tmp_path: Path) -> None:
    try_out(LocalStore(tmp_path / "runs"), FOLDER)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(CheckpointFailed, match=r"cannot write .*\.trial"):
        try_out(LocalStore(tmp_path / "runs"), FOLDER)
