"""
Stores for a training's files: a folder on this machine, or a prefix in an object store.

Keys are relative, with `/`. Knows nothing about checkpoints.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from atlas_api.errors import CheckpointFailed, InvalidManifest
from atlas_api.manifest.paths import expanded
from atlas_api.pods.contract import CHECKPOINT_MOUNT, CHECKPOINTS_S3
from atlas_api.training.checkpoints import Checkpoints, S3Checkpoints, VolumeCheckpoints
from atlas_trainer.storage.atomic_file import replace_bytes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


PVC_SCHEME = "pvc://"
"""Beginning of the address of a file on a PersistentVolumeClaim: `pvc://<claim>/<path>`."""


class Store(Protocol):
    """A place for files. Writes of one file are atomic; folders appear file by file."""

    def uri(self, key: str) -> str:
        """Address that a person can use."""

    def read(self, key: str) -> bytes | None:
        """Content of one file, None when it is not there."""

    def write(self, key: str, data: bytes) -> None:
        """Replace one file."""

    def list(self, prefix: str) -> list[str]:
        """Keys of all files below *prefix*, sorted."""

    def move_in(self, folder: Path, key: str) -> None:
        """Make *folder* available under *key*; afterwards it is gone from where it was."""

    def bring_out(self, key: str, into: Path) -> Path:
        """A local folder with the files under *key*: *into*, or where they already are."""

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files, and folders that become empty. Missing ones are fine."""


class LocalStore:
    """A store that is a folder on this machine. Known elsewhere under another *address*, its URIs begin with that."""

    def __init__(self, root: Path, address: str | None = None) -> None:
        self.root = root
        self.address = address or str(root)

    def uri(self, key: str) -> str:
        return f"{self.address}/{key}"

    def read(self, key: str) -> bytes | None:
        path = self.root / key
        return path.read_bytes() if path.is_file() else None

    def write(self, key: str, data: bytes) -> None:
        path = self.root / key
        with write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(path, data)

    def list(self, prefix: str) -> list[str]:
        folder = self.root / prefix
        return sorted(str(path.relative_to(self.root)) for path in folder.rglob("*") if path.is_file())

    def move_in(self, folder: Path, key: str) -> None:
        target = self.root / key
        with write_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            for path in folder.rglob("*"):
                if path.is_file():
                    _sync(path)
            if target.exists():
                shutil.rmtree(target)
            shutil.move(folder, target)

    def bring_out(self, key: str, into: Path) -> Path:
        del into
        return self.root / key

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.root / key
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == self.root or not _removed_empty(parent):
                    break


class S3Store:
    """A store that is a prefix in an object store."""

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def read(self, key: str) -> bytes | None:
        from atlas_trainer.storage.s3_client import is_missing, s3_errors

        with s3_errors(self.uri(key)):
            try:
                return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()
            except self.client.exceptions.ClientError as error:
                if is_missing(error):
                    return None
                raise

    def write(self, key: str, data: bytes) -> None:
        from atlas_trainer.storage.s3_client import s3_errors

        with s3_errors(self.uri(key)):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def list(self, prefix: str) -> list[str]:
        from atlas_trainer.storage.s3_client import s3_errors

        folder = f"{self.prefix}{prefix.rstrip('/')}/"
        with s3_errors(self.uri(prefix)):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=folder)
            return sorted(entry["Key"][len(self.prefix) :] for page in pages for entry in page.get("Contents", []))

    def move_in(self, folder: Path, key: str) -> None:
        from atlas_trainer.storage.s3_client import s3_errors

        for path in sorted(folder.rglob("*")):
            if path.is_file():
                target = f"{key}/{path.relative_to(folder).as_posix()}"
                with s3_errors(self.uri(target)):
                    self.client.upload_file(str(path), self.bucket, self.prefix + target)
        shutil.rmtree(folder)

    def bring_out(self, key: str, into: Path) -> Path:
        from atlas_trainer.storage.s3_client import s3_errors

        shutil.rmtree(into, ignore_errors=True)
        for file in self.list(key):
            path = into / file[len(key) + 1 :]
            path.parent.mkdir(parents=True, exist_ok=True)
            with s3_errors(self.uri(file)):
                self.client.download_file(self.bucket, self.prefix + file, str(path))
        return into

    def delete(self, keys: Iterable[str]) -> None:
        from atlas_trainer.storage.s3_client import s3_errors

        for key in keys:
            with s3_errors(self.uri(key)):
                self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)


def open_store(checkpoints: Checkpoints, mount: Path = Path(CHECKPOINT_MOUNT)) -> Store:
    """The store that the manifest names. *mount* is where pods have the claim of `volume`.

    Raises `InvalidManifest` when no claim is mounted there, and what `client_for` raises.
    """
    if checkpoints.local is not None:
        return LocalStore(expanded(checkpoints.local.path))
    if checkpoints.volume is not None:
        return _open_volume(checkpoints.volume, mount)
    assert checkpoints.s3 is not None, "the API's rules say exactly one"  # noqa: S101
    return _open_s3(checkpoints.s3)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system in the block into `CheckpointFailed`. *path* is what the block writes."""
    try:
        yield
    except OSError as error:
        raise CheckpointFailed(
            f"cannot write {path}: {error.strerror}; free or repair that place, or name another"
        ) from error


def _open_volume(volume: VolumeCheckpoints, mount: Path) -> LocalStore:
    if not mount.is_dir():
        raise InvalidManifest(
            [f"spec.checkpoints.volume: needs a cluster, where the claim is mounted at {mount}; here set local or s3"]
        )
    return LocalStore(mount / volume.path, "/".join(filter(None, (f"{PVC_SCHEME}{volume.claim_name}", volume.path))))


def _open_s3(s3: S3Checkpoints) -> S3Store:
    from atlas_trainer.storage.s3_client import client_for

    bucket, _, prefix = s3.uri.removeprefix("s3://").partition("/")
    return S3Store(client_for(s3.endpoint, s3.region, s3.credentials_from, CHECKPOINTS_S3), bucket, prefix)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _removed_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
