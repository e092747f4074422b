"""What integration tests share: an object store on localhost, a tiny model with its sessions, a small real model."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer
from support.server.bucket import Bucket
from support.trainer.trainings import write_export

from desk.model import prepare_model

KEYS = "aws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = example\n"


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture(scope="session")
def _moto_address() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_endpoint(_moto_address: str, tmp_path: Path) -> Iterator[str]:
    """Address of an empty S3 API that lists five keys a page; the AWS chain finds credentials for it."""
    urlopen(Request(f"{_moto_address}/moto-api/reset", method="POST")).close()
    credentials = tmp_path / "aws-credentials"
    credentials.write_text(f"[default]\n{KEYS}")
    with _environment(
        AWS_SHARED_CREDENTIALS_FILE=str(credentials),
        AWS_CONFIG_FILE=str(tmp_path / "no-aws-config"),
        AWS_EC2_METADATA_DISABLED="true",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        MOTO_S3_DEFAULT_MAX_KEYS="5",
    ):
        yield _moto_address


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """An empty bucket behind `s3_endpoint`."""
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="traces")
    return Bucket("traces", s3_endpoint, client)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tiny model and sixteen sessions."""
    from support.trainer.tiny_model import save_tiny_model  # brings torch, which most of these tests do without

    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of SmolLM2-135M-Instruct, from the package that carries it: to be read only."""
    folder = tmp_path_factory.mktemp("models") / "smollm2"
    prepare_model(folder)
    return folder
