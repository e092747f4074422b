"""A store that is a prefix in an object store: checkpoints go up whole, and come down as their list says."""

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from atlas_api.errors import CheckpointFailed
from atlas_api.inputs.budgets import Budget, OverBudgetError, read_bytes
from atlas_trainer.storage.file_errors import write_errors
from atlas_trainer.storage.file_list import DamagedError, FileList, shown
from atlas_trainer.storage.s3_errors import is_missing, s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_KEYS = 1_000_000
"""Objects below one prefix. All runs of a training leave a few thousand."""

_CHUNK_BYTES = 256 * 1024


class S3Store:
    """A store that is a prefix in an object store. Its methods are those of `store.Store`."""

    def __init__(self, client: "S3Client", bucket: str, prefix: str) -> None:
        self.client = client
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def uri(self, key: str) -> str:
        """Address that a person can use."""
        return f"s3://{self.bucket}/{self.prefix}{key}"

    def read(self, key: str, budget: Budget) -> bytes | None:
        """Content of one object, None when it is not there. ValueError when it is over *budget*."""
        with s3_errors(self.uri(key)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)
            except self.client.exceptions.ClientError as error:
                if is_missing(error):
                    return None
                raise
            with closing(answer["Body"]) as body:
                if answer.get("ContentLength", 0) > budget.bytes:
                    raise OverBudgetError(f"longer than {budget.bytes:,} bytes")
                return read_bytes(body.iter_chunks(_CHUNK_BYTES), budget)

    def write(self, key: str, data: bytes) -> None:
        """Replace one object."""
        with s3_errors(self.uri(key)):
            self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=data)

    def list(self, prefix: str) -> dict[str, int]:
        """Lengths of all objects below *prefix* by key, sorted, without those that only stand for a folder.

        Raises `CheckpointFailed` when there are more than `MOST_KEYS`.
        """
        folder = f"{self.prefix}{prefix.rstrip('/')}/"
        with s3_errors(self.uri(prefix)):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=folder)
            entries = (entry for page in pages for entry in page.get("Contents", []))
            sizes = {entry["Key"]: entry["Size"] for entry in islice(entries, MOST_KEYS + 1)}
        if len(sizes) > MOST_KEYS:
            raise CheckpointFailed(f"{self.uri(prefix)}: more than {MOST_KEYS:,} objects; name a prefix of its own")
        files = sorted((key, size) for key, size in sizes.items() if size or not key.endswith("/"))
        return {key[len(self.prefix) :]: size for key, size in files}

    def move_in(self, folder: Path, key: str) -> None:
        """Upload *folder* in the place of what lies under *key*; afterwards it is gone from where it was."""
        files = {f"{key}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()}
        self.delete(there for there in self.list(key) if there not in files)
        for target, path in sorted(files.items()):
            with s3_errors(self.uri(target)):
                self.client.upload_file(str(path), self.bucket, self.prefix + target)
        shutil.rmtree(folder)

    def bring_out(self, listed: FileList, into: Path) -> Path:
        """Download the files of *listed*, and no others, to *into*. Raises `DamagedError` when they are others."""
        listed.check_names(self.list(listed.key))
        shutil.rmtree(into, ignore_errors=True)
        for name in listed.files:
            path = into / name
            with write_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    self._download(listed, name, file)
        with write_errors(into):
            (into / listed.index).write_bytes(listed.data)
        return into

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects by key. Missing ones are fine."""
        for key in keys:
            with s3_errors(self.uri(key)):
                self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)

    def _download(self, listed: FileList, name: str, file: BinaryIO) -> None:
        key = f"{listed.key}/{name}"
        checked = _CheckedFile(file, name, listed.files[name].bytes)
        with s3_errors(self.uri(key)):
            try:
                self.client.download_fileobj(self.bucket, self.prefix + key, cast("BinaryIO", checked))
            except self.client.exceptions.ClientError as error:
                if is_missing(error):
                    raise DamagedError(f"{shown(name)} is missing") from None
                raise
        listed.check_sha256(name, checked.sha256.hexdigest())


class _CheckedFile:
    """A file that is written from its beginning to its end, which must not be beyond *limit* bytes."""

    def __init__(self, file: BinaryIO, name: str, limit: int) -> None:
        self.file = file
        self.name = name
        self.left = limit
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write the next bytes. Raises `DamagedError` for one too many."""
        self.left -= len(data)
        if self.left < 0:
            raise DamagedError(f"{shown(self.name)} became longer while it was read")
        self.sha256.update(data)
        return self.file.write(data)
