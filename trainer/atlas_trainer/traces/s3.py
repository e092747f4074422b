"""
Lines of JSON in an object store.

Objects are streamed; a connection cut in the middle resumes where it was. Knows nothing of what the lines hold.
"""

import math
import random
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from atlas_api.errors import SourceMissing, SourceUnreachable
from atlas_api.pods.contract import TRACES_S3
from atlas_api.training.traces import Traces
from atlas_trainer.storage.s3_client import client_for
from atlas_trainer.storage.s3_errors import S3_ERRORS, s3_errors, translate
from atlas_trainer.traces.filters import filter_sessions
from atlas_trainer.traces.formats.reader import LineReader
from atlas_trainer.traces.jsonl import SUFFIXES
from atlas_trainer.traces.lines import Line, numbered_lines
from atlas_trainer.traces.session import Session, Tally

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

CHUNK_BYTES = 256 * 1024
"""Bytes that a cut connection can cost: a chunk that did not arrive whole is requested again."""

RESUMES = 5
"""Cuts in a row without progress, after which the store counts as unreachable."""

_FIRST_PAUSE_SECONDS = 0.2
_CHANGED = frozenset({"412", "416", "InvalidRange", "PreconditionFailed"})
"""Error codes for an object that changed; a shorter one may be refused for its range first."""


def read_objects(traces: Traces, tally: Tally) -> Iterator[Session]:
    """
    Stream the sessions of one object, or of all exports below a prefix that ends in `/`, keys in sorted order.

    What is left out is counted in `tally`. Raises SourceMissing, AccessDenied, SourceUnreachable, MalformedTraces,
    InvalidManifest.
    """
    if traces.s3 is None:
        raise ValueError("traces.s3 is not set")
    source = traces.s3
    client = client_for(
        source.endpoint,
        source.region,
        source.credentials_from,
        TRACES_S3,
        addressing_style=source.addressing_style,
        checksums=source.checksums,
    )
    bucket, _, key = source.uri.removeprefix("s3://").partition("/")
    whole_prefix = not key or key.endswith("/")
    keys = _exports_below(client, bucket, key) if whole_prefix else iter([key])
    return filter_sessions(traces.filter, LineReader(traces, tally).sessions(_objects(client, bucket, keys)), tally)


def _objects(client: "S3Client", bucket: str, keys: Iterator[str]) -> Iterator[tuple[str, Iterator[Line]]]:
    for key in keys:
        yield key, numbered_lines(_object_chunks(client, bucket, key))


def _exports_below(client: "S3Client", bucket: str, prefix: str) -> Iterator[str]:
    """Keys of the exports below a prefix. The store lists them in the order of their UTF-8 bytes, page by page."""
    uri = f"s3://{bucket}/{prefix}"
    found = False
    with s3_errors(uri):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", []):
                if entry["Key"].endswith(SUFFIXES):
                    found = True
                    yield entry["Key"]
    if not found:
        raise SourceMissing(f"{uri}: no object below it ends in {', '.join(SUFFIXES)}; check the prefix")


def _object_chunks(client: "S3Client", bucket: str, key: str) -> Iterator[bytes]:
    """Content of one object. After a cut only the rest is requested, and only from the very same version."""
    uri = f"s3://{bucket}/{key}"
    with s3_errors(uri):
        response = client.get_object(Bucket=bucket, Key=key)
    size, etag = response["ContentLength"], response["ETag"]
    done = cuts = 0
    while True:
        try:
            with closing(response["Body"]) as body:
                for chunk in body.iter_chunks(CHUNK_BYTES):
                    yield chunk
                    done, cuts = done + len(chunk), 0
            return
        except S3_ERRORS as error:
            if done == size:
                return
            cuts += 1
            if cuts > RESUMES:
                raise translate(error, f"{uri}, byte {done} of {size}") from error
        time.sleep(_pause_seconds(cuts))
        response = _rest(client, bucket, key, done, etag)


def _rest(client: "S3Client", bucket: str, key: str, done: int, etag: str) -> "GetObjectOutputTypeDef":
    uri = f"s3://{bucket}/{key}"
    with s3_errors(uri):
        try:
            response = client.get_object(Bucket=bucket, Key=key, Range=f"bytes={done}-", IfMatch=etag)
        except ClientError as error:
            if error.response["Error"]["Code"] in _CHANGED:
                raise _changed(uri) from error
            raise
    # Some stores answer without looking at the conditions.
    if response["ETag"] != etag:
        raise _changed(uri)
    if not response.get("ContentRange", "").startswith(f"bytes {done}-"):
        raise SourceUnreachable(f"{uri}: the connection was cut, and the store ignores Range; try again")
    return response


def _changed(uri: str) -> SourceUnreachable:
    return SourceUnreachable(f"{uri}: the object changed while it was read; run again when its writer has finished")


def _pause_seconds(cuts: int) -> float:
    """Pause that doubles with each cut in a row; the jitter keeps many readers from coming back in step."""
    return math.ldexp(_FIRST_PAUSE_SECONDS, cuts - 1) * random.uniform(0.5, 1.0)  # noqa: S311
