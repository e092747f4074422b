"""A bucket of a real S3 API on localhost, for one test."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Bucket:
    """Written to past the code under test."""

    name: str
    endpoint: str
    client: "S3Client"

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def download(self, key: str, folder: Path) -> None:
        """Bring an object into *folder*, under the last part of its key."""
        folder.mkdir(exist_ok=True)
        self.client.download_file(self.name, key, str(folder / key.rpartition("/")[2]))

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"
