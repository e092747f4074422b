"""Exports in a real S3 API are read whole, over cut connections too."""

import gzip
import json
import lzma
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import zstandard
from support.server.bucket import Bucket
from support.server.fake_network import FakeCuttingProxy
from support.traces.exports import EVERYTHING, jsonl, s3_traces, session_record
from support.traces.other_makers import chat

from atlas_api.errors import AccessDenied, MalformedTraces, SourceMissing, SourceUnreachable
from atlas_api.pods.contract import TRACES_S3
from atlas_api.secrets import CredentialsSource
from atlas_api.training.traces import S3Traces, TraceFields, TraceFilter, Traces
from atlas_trainer.storage.s3_client import client_for
from atlas_trainer.storage.s3_errors import s3_errors
from atlas_trainer.traces.s3 import read_objects
from atlas_trainer.traces.session import Session, Tally


def read(traces: Traces) -> tuple[list[Session], Tally]:
    tally = Tally()
    return list(read_objects(traces, tally)), tally


def read_uri(bucket: Bucket, uri: str, **fields: Any) -> tuple[list[Session], Tally]:
    return read(s3_traces(uri, bucket.endpoint, **{"filter": EVERYTHING, **fields}))


def read_data(bucket: Bucket, data: bytes, **fields: Any) -> tuple[list[Session], Tally]:
    bucket.put("export.jsonl", data)
    return read_uri(bucket, bucket.uri("export.jsonl"), **fields)


def large_export(sessions: int = 40) -> bytes:
    """An export of about 2.5 MB that do not compress."""
    noise = random.Random(0)
    return jsonl(*(session_record(n, final_answer=noise.randbytes(30_000).hex()) for n in range(sessions)))


def test_one_object_is_read(bucket: Bucket) -> None:
    sessions, tally = read_data(bucket, jsonl(session_record(1), session_record(2, review_status="pending")))
    assert [session.id for session in sessions] == ["1", "2"]
    assert tally.matched == 2


def test_other_makers_formats_are_read_as_from_disk(bucket: Bucket) -> None:
    bucket.put("chats/a.jsonl", jsonl(chat(run={"score": 0.9})))
    bucket.put("chats/b.jsonl", jsonl({"prompt": "?", "completion": "!"}))
    sessions, tally = read_uri(bucket, bucket.uri("chats/"), fields=TraceFields(reward="run.score"))
    assert [(session.id.rpartition("/")[2], session.reward) for session in sessions] == [("a.jsonl:1", 0.9)]
    assert [why.partition(": ")[2] for why in tally.malformed] == [
        "not of the format messages, as the lines before, but promptCompletion"
    ]


def test_the_filter_of_the_traces_is_applied(bucket: Bucket) -> None:
    data = jsonl(*(session_record(n, review_status="approved" if n % 2 else "pending") for n in range(6)))
    sessions, tally = read_data(bucket, data, filter=TraceFilter(limit=2))
    assert [session.id for session in sessions] == ["3", "5"]
    assert tally.filtered == {"reviewStatus": 3, "limit": 1}


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, zstandard.ZstdCompressor().compress, bytes])
def test_an_object_of_any_name_is_unpacked_by_its_first_bytes(bucket: Bucket, pack: Any) -> None:
    bucket.put("odd.name", pack(jsonl(session_record(1), session_record(2))))
    sessions, _ = read_uri(bucket, bucket.uri("odd.name"))
    assert [session.id for session in sessions] == ["1", "2"]


def test_a_prefix_means_all_exports_below_it_in_the_order_of_their_keys(bucket: Bucket) -> None:
    bucket.put("exports/b.jsonl.gz", gzip.compress(jsonl(session_record(2))))
    bucket.put("exports/a/z.jsonl", jsonl(session_record(1)))
    bucket.put("exports/c.jsonl.zst", zstandard.ZstdCompressor().compress(jsonl(session_record(3))))
    bucket.put("exports/d.jsonl.xz", lzma.compress(jsonl(session_record(4))))
    bucket.put("exports/notes.txt", b"no export")
    bucket.put("exports-old/e.jsonl", jsonl(session_record(5)))

    sessions, tally = read_uri(bucket, bucket.uri("exports/"))

    assert [session.id for session in sessions] == ["1", "2", "3", "4"]
    assert tally.malformed == []


@pytest.mark.parametrize("uri", ["s3://traces", "s3://traces/"])
def test_a_bucket_alone_means_all_exports_in_it(bucket: Bucket, uri: str) -> None:
    bucket.put("deep/a.jsonl", jsonl(session_record(1)))
    assert len(read_uri(bucket, uri)[0]) == 1


def test_a_prefix_with_more_objects_than_a_page_of_the_listing_is_read_whole(bucket: Bucket) -> None:
    for number in range(12):
        bucket.put(f"many/{number:02}.jsonl", b'{"task": "Do"}')
    sessions, _ = read_uri(bucket, bucket.uri("many/"))
    assert [session.id for session in sessions] == [f"many/{number:02}.jsonl:1" for number in range(12)]


def test_keys_with_spaces_and_other_scripts_are_read(bucket: Bucket) -> None:
    bucket.put("übung 1/a+b%20.jsonl", jsonl(session_record(1)))
    assert len(read_uri(bucket, bucket.uri("übung 1/"))[0]) == 1
    assert len(read_uri(bucket, bucket.uri("übung 1/a+b%20.jsonl"))[0]) == 1


# What is not there, or may not be read


def test_a_missing_object_is_named(bucket: Bucket) -> None:
    with pytest.raises(SourceMissing, match=r"^s3://traces/none\.jsonl: does not exist; check uri and endpoint$"):
        read_uri(bucket, bucket.uri("none.jsonl"))


@pytest.mark.parametrize("key", ["a.jsonl", "exports/"])
def test_a_missing_bucket_is_named(bucket: Bucket, key: str) -> None:
    with pytest.raises(SourceMissing, match=rf"^s3://nowhere/{key}: the bucket does not exist"):
        read_uri(bucket, f"s3://nowhere/{key}")


def test_a_prefix_without_exports_is_named(bucket: Bucket) -> None:
    bucket.put("exports/notes.txt", b"no export")
    with pytest.raises(SourceMissing, match=r"^s3://traces/exports/: no object below it ends in \.jsonl"):
        read_uri(bucket, bucket.uri("exports/"))


def test_a_name_that_no_bucket_can_have_is_named(bucket: Bucket) -> None:
    with pytest.raises(SourceMissing, match=r"^s3://no bucket/a: not usable as written .*Invalid bucket name"):
        read_uri(bucket, "s3://no bucket/a")


def check_rights_after(endpoint: str, requests: str) -> None:
    body = requests.encode()
    urlopen(Request(f"{endpoint}/moto-api/reset-auth", body, {"Content-Type": "text/plain"})).close()


@contextmanager
def rights_checked(endpoint: str) -> Iterator[None]:
    """Inside, the store looks at who asks and what they may do: the test's user may nothing."""
    check_rights_after(endpoint, "0")
    try:
        yield
    finally:
        check_rights_after(endpoint, "inf")


@pytest.mark.parametrize("key", ["export.jsonl", "exports/"])
def test_credentials_without_rights_are_named(bucket: Bucket, key: str) -> None:
    bucket.put("export.jsonl", b"")
    denied = rf"^s3://traces/{key}: access denied \(\w+\); check the credentials"
    with rights_checked(bucket.endpoint), pytest.raises(AccessDenied, match=denied):
        read_uri(bucket, bucket.uri(key))


def test_no_credentials_at_all_are_named(bucket: Bucket) -> None:
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text("")
    with pytest.raises(AccessDenied, match=r"^s3://traces/a: no credentials found; set credentialsFrom\.file"):
        read_uri(bucket, bucket.uri("a"))


def traces_with_credentials(bucket: Bucket, file: Path) -> Traces:
    source = S3Traces(
        uri=bucket.uri("export.jsonl"), endpoint=bucket.endpoint, credentials_from=CredentialsSource(file=str(file))
    )
    return Traces(s3=source, filter=EVERYTHING)


def test_credentials_come_from_the_file_that_is_named(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("export.jsonl", jsonl(session_record(1)))
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).rename(tmp_path / "mine")
    sessions, _ = read(traces_with_credentials(bucket, tmp_path / "mine"))
    assert len(sessions) == 1


def test_a_missing_credentials_file_is_named(bucket: Bucket, tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"credentials file .*mine does not exist"):
        read(traces_with_credentials(bucket, tmp_path / "mine"))


@pytest.mark.parametrize(
    "text", ["", "no section", "[other]\naws_access_key_id = hidden\n", "[default]\naws_access_key_id = hidden\n"]
)
def test_a_credentials_file_without_credentials_is_named_and_not_quoted(
    bucket: Bucket, tmp_path: Path, text: str
) -> None:
    (tmp_path / "mine").write_text(text)
    with pytest.raises(AccessDenied, match=r"mine .* it must have a \[default\] section") as caught:
        read(traces_with_credentials(bucket, tmp_path / "mine"))
    assert "hidden" not in str(caught.value)


def test_a_store_that_does_not_answer_is_named(bucket: Bucket) -> None:
    with pytest.raises(
        SourceUnreachable, match=r"^s3://traces/a: no answer from the store \(EndpointConnectionError\)"
    ):
        read(s3_traces("s3://traces/a", "http://127.0.0.1:9"))


@pytest.mark.parametrize("endpoint", ["http://:9000", "http://?x"])
def test_an_endpoint_without_a_host_is_named(endpoint: str) -> None:
    with pytest.raises(SourceMissing, match="names no host: write it as http://host:port"):
        read(s3_traces("s3://traces/a", endpoint))


def test_errors_of_uploads_are_translated_too(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    client = client_for(bucket.endpoint, None, None, TRACES_S3)
    with (
        pytest.raises(SourceMissing, match="s3://nowhere/file: the bucket does not exist"),
        s3_errors("s3://nowhere/file"),
    ):
        client.upload_file(str(tmp_path / "file"), "nowhere", "file")


def test_errors_of_downloads_are_translated_too(bucket: Bucket, tmp_path: Path) -> None:
    client = client_for(bucket.endpoint, None, None, TRACES_S3)
    with pytest.raises(SourceMissing, match="s3://traces/file: does not exist"), s3_errors("s3://traces/file"):
        client.download_file("traces", "file", str(tmp_path / "copy"))


# Connections that break


def test_a_connection_cut_in_the_middle_of_an_object_resumes_where_it_was(bucket: Bucket) -> None:
    data = large_export()
    bucket.put("export.jsonl", data)

    with FakeCuttingProxy(bucket.endpoint, 700_000) as proxy:
        sessions, tally = read(s3_traces(bucket.uri("export.jsonl"), proxy.address, filter=EVERYTHING))

    assert jsonl(*(session_record(int(s.id), final_answer=s.final_answer) for s in sessions)) == data
    assert tally.malformed == []
    assert proxy.cuts >= 3


def test_a_compressed_object_resumes_as_well(bucket: Bucket) -> None:
    bucket.put("export.jsonl", gzip.compress(large_export()))
    with FakeCuttingProxy(bucket.endpoint, 700_000) as proxy:
        sessions, tally = read(s3_traces(bucket.uri("export.jsonl"), proxy.address, filter=EVERYTHING))
    assert (len(sessions), tally.malformed) == (40, [])
    assert proxy.cuts >= 1


def test_an_object_that_changed_while_it_was_read_is_named(bucket: Bucket) -> None:
    bucket.put("export.jsonl", large_export())

    def overwrite() -> None:
        bucket.put("export.jsonl", large_export(sessions=39))

    with (
        FakeCuttingProxy(bucket.endpoint, 700_000, on_cut=overwrite) as proxy,
        pytest.raises(SourceUnreachable, match=r"^s3://traces/export\.jsonl: the object changed while it was read"),
    ):
        read(s3_traces(bucket.uri("export.jsonl"), proxy.address))


def test_an_object_that_was_deleted_while_it_was_read_is_named(bucket: Bucket) -> None:
    bucket.put("export.jsonl", large_export())

    def delete() -> None:
        bucket.client.delete_object(Bucket=bucket.name, Key="export.jsonl")

    with (
        FakeCuttingProxy(bucket.endpoint, 700_000, on_cut=delete) as proxy,
        pytest.raises(SourceMissing, match=r"^s3://traces/export\.jsonl: does not exist"),
    ):
        read(s3_traces(bucket.uri("export.jsonl"), proxy.address))


def test_a_connection_that_is_cut_again_and_again_without_progress_is_given_up(bucket: Bucket) -> None:
    bucket.put("export.jsonl", large_export())
    with (
        FakeCuttingProxy(bucket.endpoint, 10_000) as proxy,
        pytest.raises(SourceUnreachable, match=r"export\.jsonl, byte 0 of \d+: no answer from the store"),
    ):
        read(s3_traces(bucket.uri("export.jsonl"), proxy.address))
    assert proxy.cuts == 6


# Bad lines


def test_unreadable_lines_are_recorded_with_key_and_line(bucket: Bucket) -> None:
    data = jsonl(session_record(1)) + b"{\n\xff\xfe\n[]\n" + jsonl(session_record(2))
    sessions, tally = read_data(bucket, data)
    assert [session.id for session in sessions] == ["1", "2"]
    assert tally.malformed == [
        "export.jsonl:2: not JSON at character 2",
        "export.jsonl:3: not UTF-8 at byte 1 (Latin-1? convert it with iconv -f latin1 -t utf-8)",
        "export.jsonl:4: not a JSON object",
    ]


def test_too_many_unreadable_lines_end_the_reading(bucket: Bucket) -> None:
    with pytest.raises(MalformedTraces, match=r"spec\.traces\.maxMalformed allows 2"):
        read_data(bucket, b"{]\n" * 3, max_malformed=2)


def test_an_answer_of_50_megabytes_with_line_separators_in_it_is_read_whole(bucket: Bucket) -> None:
    answer = "x\u2028\u2029" * (50 * 1024 * 1024 // 7)
    (session, after), _ = read_data(bucket, jsonl(session_record(1, final_answer=answer), session_record(2)))
    assert session.final_answer == answer
    assert after.id == "2"


def test_a_truncated_compressed_object_is_counted(bucket: Bucket) -> None:
    bucket.put("export.jsonl.zst", zstandard.ZstdCompressor().compress(large_export())[:-100])
    sessions, tally = read_uri(bucket, bucket.uri("export.jsonl.zst"))
    assert len(sessions) < 40
    assert [problem.split(": ", 1)[1] for problem in tally.malformed] == [
        "compressed data ends too early: the file is incomplete"
    ]
    assert json.dumps(tally.dropped) == '{"malformedLine": 1}'
