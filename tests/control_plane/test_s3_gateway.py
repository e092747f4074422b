"""Checkpoints in a store that keeps rights and addresses buckets as AWS does: versitygw."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from cluster.programs import binaries, probe

from atlas_api.errors import AccessDenied
from atlas_api.pods.contract import CHECKPOINTS_S3
from atlas_api.secrets import CredentialsSource
from atlas_trainer.storage.checkpoints import RunCheckpoints, checkpoint_name
from atlas_trainer.storage.s3_client import client_for
from atlas_trainer.storage.s3_store import S3Store
from atlas_trainer.storage.trial import try_out

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

pytestmark = pytest.mark.cluster

RUN = "agents/demo/run-0001"
BUCKET = "models"


@dataclass(frozen=True)
class Gateway:
    """A running versitygw with the bucket `models`, and a user who may what the bucket's policy says."""

    endpoint: str
    admin: "S3Client"
    credentials: Path

    def allow(self, *rights: str) -> None:
        """Let the user have these rights, and no others."""
        where = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
        objects = [right for right in rights if right != "s3:ListBucket"]
        statements = [
            {"Effect": "Allow", "Principal": ["trainer"], "Action": actions, "Resource": resource}
            for actions, resource in ((objects, where[1]), (["s3:ListBucket"], where[0]))
            if set(actions) <= set(rights)
        ]
        policy = {"Version": "2012-10-17", "Statement": statements}
        self.admin.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))

    def store(self) -> S3Store:
        """The bucket as the user sees it."""
        source = CredentialsSource(file=str(self.credentials))
        return S3Store(client_for(self.endpoint, "us-east-1", source, CHECKPOINTS_S3), BUCKET, "atlas")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of its own for the module."""
    folder = tmp_path_factory.mktemp("s3")
    for name in ("data", "iam"):
        (folder / name).mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program, endpoint = str(binaries.path("versitygw")), f"http://127.0.0.1:{port}"
    keys = {"ROOT_ACCESS_KEY": "ROOT", "ROOT_SECRET_KEY": "root-secret"}
    argv = [program, f"--port=127.0.0.1:{port}", "--health=/health", "--quiet", f"--iam-dir={folder}/iam"]
    with subprocess.Popen([*argv, "posix", f"{folder}/data"], env={**os.environ, **keys}) as process:
        try:
            _wait(endpoint, process)
            user = ["admin", "-a", "ROOT", "-s", "root-secret", "-er", endpoint, "create-user"]
            subprocess.run([program, *user, "-a", "trainer", "-s", "trainer-secret", "-r", "user"], check=True)
            session = boto3.Session("ROOT", "root-secret", region_name="us-east-1")
            admin = session.client("s3", endpoint_url=endpoint)
            admin.create_bucket(Bucket=BUCKET)
            credentials = folder / "credentials"
            credentials.write_text("[default]\naws_access_key_id = trainer\naws_secret_access_key = trainer-secret\n")
            yield Gateway(endpoint, admin, credentials)
        finally:
            process.terminate()


def _wait(endpoint: str, process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:
        try:
            probe.body(f"{endpoint}/health")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"versitygw ended with {process.returncode}")


ALL = ("s3:ListBucket", "s3:PutObject", "s3:GetObject", "s3:DeleteObject")


@pytest.mark.parametrize("missing", ALL)
def test_the_right_that_is_missing_is_found_by_the_first_save(gateway: Gateway, missing: str) -> None:
    gateway.allow(*(right for right in ALL if right != missing))
    with pytest.raises(AccessDenied, match=rf"^s3://models/atlas/{RUN}.*{missing} is missing; the store says: "):
        try_out(gateway.store(), RUN)


def test_with_these_rights_checkpoints_are_kept_and_brought_back(gateway: Gateway, tmp_path: Path) -> None:
    gateway.allow(*ALL)
    store = gateway.store()
    try_out(store, RUN)
    run = RunCheckpoints(store, RUN)
    for step in (1, 2, 3):
        saving = tmp_path / "saving"
        saving.mkdir()
        (saving / "model.safetensors").write_bytes(bytes([step]) * (20 << 20))  # in several parts
        run.publish(saving, checkpoint_name(step), step, {})
    run.retain(keep=2, keep_best=False)
    found = run.newest_sound(tmp_path / "resume")
    assert found == (tmp_path / "resume", 3)
    assert (tmp_path / "resume" / "model.safetensors").read_bytes() == b"\3" * (20 << 20)
    assert [address.step for address in run.complete()] == [2, 3]


def test_a_large_file_of_another_content_is_passed_over(gateway: Gateway, tmp_path: Path) -> None:
    gateway.allow(*ALL)
    run = RunCheckpoints(gateway.store(), "agents/demo/run-0002")
    for step in (1, 2):
        saving = tmp_path / "saving"
        saving.mkdir()
        (saving / "model.safetensors").write_bytes(bytes([step]) * (20 << 20))
        run.publish(saving, checkpoint_name(step), step, {})
    key = "atlas/agents/demo/run-0002/checkpoint-000002/model.safetensors"
    gateway.admin.put_object(Bucket=BUCKET, Key=key, Body=b"\1" * (20 << 20))
    found = run.newest_sound(tmp_path / "resume")
    assert found is not None
    assert found[1] == 1
