"""
Stores for a training's files: a folder on this machine, or a prefix in an object store.

Keys are relative, with `/`. Knows nothing about checkpoints. Whatever lies in a store may have been put there by
somebody else: every reader says how much it takes, and no name leads out of the store or out of a folder.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from atlas_api.errors import CheckpointFailed, InvalidManifest
from atlas_api.inputs.budgets import Budget, OverBudgetError
from atlas_api.manifest.paths import expanded
from atlas_api.pods.contract import CHECKPOINT_MOUNT, CHECKPOINTS_S3
from atlas_api.training.checkpoints import Checkpoints, S3Checkpoints, VolumeCheckpoints
from atlas_trainer.storage.atomic_file import replace_bytes
from atlas_trainer.storage.file_errors import read_errors, write_errors
from atlas_trainer.storage.file_list import DamagedError, FileList, checked_name, sha256_of

PVC_SCHEME = "pvc://"
"""Beginning of the address of a file on a PersistentVolumeClaim: `pvc://<claim>/<path>`."""


class Store(Protocol):
    """A place for files. Writes of one file are atomic; folders appear file by file."""

    def uri(self, key: str) -> str:
        """Address that a person can use."""

    def read(self, key: str, budget: Budget) -> bytes | None:
        """Content of one file, None when it is not there. ValueError when it is over *budget*, or outside the store."""

    def write(self, key: str, data: bytes) -> None:
        """Replace one file."""

    def list(self, prefix: str) -> dict[str, int]:
        """Lengths of all files below *prefix* by key, sorted. Keys may be any text: they are names, not paths."""

    def move_in(self, folder: Path, key: str) -> None:
        """Put *folder* in the place of what lies under *key*; afterwards it is gone from where it was."""

    def bring_out(self, listed: FileList, into: Path) -> Path:
        """A local folder with the files of *listed* and no others: *into*, or where they already are.

        Raises `DamagedError` when they are not what the list says; nothing is read that is longer than it says.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files, and folders that become empty. Missing ones are fine."""


class LocalStore:
    """A store that is a folder on this machine. Known elsewhere under another *address*, its URIs begin with that."""

    def __init__(self, root: Path, address: str | None = None) -> None:
        self.root = root
        self.address = address or str(root)

    def uri(self, key: str) -> str:
        return f"{self.address}/{key}"

    def path(self, key: str) -> Path:
        """Where *key* is. Raises `DamagedError` for a name, or a symbolic link, that leads out of the store."""
        path = self.root / checked_name(key)
        if not self._holds(path):
            raise DamagedError(f"{path} leads out of {self.root} by a symbolic link; put a folder in its place")
        return path

    def needed(self, key: str) -> Path:
        """Where *key* must be, for the run to go on. Raises `CheckpointFailed` where `path` raises `DamagedError`."""
        try:
            return self.path(key)
        except DamagedError as error:
            raise CheckpointFailed(f"{self.uri(key)} cannot be used: {error}") from error

    def read(self, key: str, budget: Budget) -> bytes | None:
        path = self.path(key)
        with read_errors(path):
            if not path.is_file():
                return None
            with path.open("rb") as file:
                data = file.read(budget.bytes + 1)
        if len(data) > budget.bytes:
            raise OverBudgetError(f"longer than {budget.bytes:,} bytes")
        return data

    def write(self, key: str, data: bytes) -> None:
        path = self.needed(key)
        with write_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(path, data)

    def list(self, prefix: str) -> dict[str, int]:
        folder = self.needed(prefix)
        with read_errors(folder):
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            return {str(path.relative_to(self.root)): path.stat().st_size for path in files}

    def move_in(self, folder: Path, key: str) -> None:
        target = self.needed(key)
        with write_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            _make_readable(folder)
            for path in folder.rglob("*"):
                _make_readable(path)
                if path.is_file():
                    _sync(path)
            if target.exists():
                shutil.rmtree(target)
            shutil.move(folder, target)

    def bring_out(self, listed: FileList, into: Path) -> Path:
        del into
        listed.check_names(self.list(listed.key))
        for name in listed.files:
            path = self.path(f"{listed.key}/{name}")
            with read_errors(path):
                listed.check_sha256(name, sha256_of(path))
        return self.path(listed.key)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.root / key
            if not self._holds(path.parent):
                continue
            path.unlink(missing_ok=True)
            for parent in path.parents:
                if parent == self.root or not _removed_empty(parent):
                    break

    def _holds(self, path: Path) -> bool:
        """Whether *path* lies below the root once all links are followed."""
        try:
            return path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError):  # links in a circle
            return False


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


def _open_volume(volume: VolumeCheckpoints, mount: Path) -> LocalStore:
    if not mount.is_dir():
        raise InvalidManifest(
            [f"spec.checkpoints.volume: needs a cluster, where the claim is mounted at {mount}; here set local or s3"]
        )
    return LocalStore(mount / volume.path, "/".join(filter(None, (f"{PVC_SCHEME}{volume.claim_name}", volume.path))))


def _open_s3(s3: S3Checkpoints) -> Store:
    from atlas_trainer.storage.s3_client import client_for
    from atlas_trainer.storage.s3_store import S3Store

    bucket, _, prefix = s3.uri.removeprefix("s3://").partition("/")
    client = client_for(
        s3.endpoint,
        s3.region,
        s3.credentials_from,
        CHECKPOINTS_S3,
        addressing_style=s3.addressing_style,
        checksums=s3.checksums,
    )
    return S3Store(client, bucket, prefix)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _make_readable(path: Path) -> None:
    """Give *path* the rights of a new file or folder: libraries write some files for their owner alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    path.chmod(path.stat().st_mode & 0o7777 | (0o777 if path.is_dir() else 0o666) & ~mask)


def _removed_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True
