"""
A real S3 API for pods and tests: versitygw on the bridge's address, objects as files in the cluster's folder.

Fixtures and the demo start it on a cluster with a node; node.down stops it. It knows neither pods nor trainings.
"""

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from cluster.programs import binaries, probe, processes
from cluster.programs.place import BRIDGE_ADDRESS, Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "versitygw"
REGION = "us-east-1"
_PORT = 18070
_HEALTH = "/health"


@dataclass(frozen=True)
class ObjectStore:
    """A running S3 API. Its keys are made up at every start."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def client(self) -> "S3Client":
        """A client with the store's keys."""
        import boto3

        session = boto3.Session(self.access_key, self.secret_key, region_name=REGION)
        return session.client("s3", endpoint_url=self.endpoint)

    def environment(self) -> dict[str, str]:
        """Variables from which the AWS chain in a pod takes the keys; the content of a Secret."""
        return {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key, "AWS_REGION": REGION}


def start(place: Place) -> ObjectStore:
    """Start an empty store and wait until it answers."""
    folder = place.folder / "s3"
    folder.mkdir()
    endpoint = f"http://{BRIDGE_ADDRESS}:{_PORT}"
    store = ObjectStore(endpoint, "ATLAS" + token_hex(8).upper(), token_hex(20))
    keys = {"ROOT_ACCESS_KEY": store.access_key, "ROOT_SECRET_KEY": store.secret_key}
    argv: list[str | Path] = [
        binaries.path("versitygw"),
        f"--port={BRIDGE_ADDRESS}:{_PORT}",
        f"--region={REGION}",
        f"--health={_HEALTH}",
        "posix",
        folder,
    ]
    process = processes.start(place, NAME, argv, keys)
    processes.wait_until("the S3 API answers", lambda: bool(probe.body(endpoint + _HEALTH)), process)
    return store
