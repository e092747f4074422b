"""Endpoints that speak HTTP badly, or about the key: a reason and a line without it, never a traceback or a hang."""

import asyncio
import base64
import gzip
import json
from collections.abc import Iterator

import pytest
from support.judges.judge_calls import KEY, calling, refused
from support.judges.judge_settings import judging
from support.server.raw_server import chunk, raw_server

GOOD = json.dumps({"choices": [{"message": {"content": "yes"}}]}).encode()
OK = b"HTTP/1.1 200 OK\r\n"
SAID = json.dumps({"error": {"message": f"no: {KEY}"}}).encode()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", KEY)


def sized(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), b"Connection: close", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def about_the_key(spelt: str) -> bytes:
    return sized(json.dumps({"error": {"message": f"wrong key {spelt}, see the page"}}).encode(), status=b"401 No")


ANSWERS = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "HTTP/0.9": GOOD,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a status that is none": b"HTTP/1.1 abc OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "a reason with the key": b"HTTP/1.1 401 " + KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n",
    "a broken line with the key": b"HTTP/1.1 200 OK\r\n" + KEY.encode() + b"\r\n\r\n",
    "a head without an end": OK + b"X: " + b"x" * 100_000,
    "ten thousand fields": OK + b"X: x\r\n" * 10_000 + b"\r\n",
    "a body that is too short": OK + b"Content-Length: 9999\r\n\r\n" + GOOD,
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 900\r\n\r\nhello",
    "a length below zero": OK + b"Content-Length: -5\r\n\r\nhello",
    "a length beyond numbers": OK + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n",
    "chunks that are none": OK + b"Transfer-Encoding: chunked\r\n\r\nzzz\r\nhello\r\n",
    "a chunk beyond numbers": OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n",
    "chunks without an end": OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunk(GOOD),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n" + GOOD,
    "a redirect to itself": sized(b"", b"Location: /v1/chat/completions", status=b"307 Temporary Redirect"),
    "a redirect with the key": sized(b"", b"Location: http://h/?k=" + KEY.encode(), status=b"302 Found"),
    "gzip within gzip": sized(gzip.compress(gzip.compress(GOOD)), b"Content-Encoding: gzip"),
    "two encodings": sized(gzip.compress(GOOD), b"Content-Encoding: gzip", b"Content-Encoding: gzip"),
    "half of a gzip": sized(gzip.compress(GOOD)[:20], b"Content-Encoding: gzip"),
    "UTF-16": sized(GOOD.decode().encode("utf-16")),
    "a stream of events": sized(b'data: {"choices": []}\n\ndata: [DONE]\n\n', b"Content-Type: text/event-stream"),
    "the key in the error": sized(SAID, status=b"403 Forbidden"),
    "the key in a page": sized(b"<html><title>" + KEY.encode() + b"</title>", status=b"502 Bad Gateway"),
    "the key in a text": sized(b"who is " + KEY.encode(), status=b"500 Oops"),
    "the key at the edge": sized(b"x" * 190 + KEY.encode(), status=b"500 Oops"),
    "the key in an error of a success": sized(SAID),
    "the key, masked": about_the_key(f"{KEY[:6]}****{KEY[-4:]}"),
    "the key, its beginning": about_the_key(KEY[:9]),
    "the key, its end": about_the_key(f"...{KEY[-6:]}"),
    "the key after a word": about_the_key(f"Bearer={KEY}"),
    "the key in an address": about_the_key(f"https://h/keys/{KEY}?x"),
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS)
def test_whatever_an_endpoint_sends_becomes_a_reason_without_the_key(kind: str) -> None:
    def parts() -> Iterator[bytes]:
        yield ANSWERS[kind]

    async def story(url: str) -> str:
        small = {"model": "small", "baseUrl": f"{url}/v1", "apiKeyFrom": {"env": "A_KEY"}}
        settings = judging(models={"small": small}, retries={"attempts": 1}, timeouts={"callSeconds": 20})
        async with calling(settings) as client:
            return str(await refused(client, settings))

    with raw_server(parts) as server:
        told = asyncio.run(asyncio.wait_for(story(server.url), 60))
    assert server.url in told
    assert len(told) < 400
    for piece in (KEY, KEY[:9], KEY[-6:], base64.b64encode(KEY.encode()).decode()):
        assert piece not in told
