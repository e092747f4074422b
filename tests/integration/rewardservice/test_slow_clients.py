"""Whoever takes too long over a request, or over none, is cut; whoever sends steadily is not."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from atlas_rewards.server.http.connections import Connections
from atlas_rewards.server.http.http_protocol import HEAD_BYTES, PIPELINED, BoundedHttp, Patience

SHORT = Patience(head=0.4, body=0.6, silence=0.5)
LONG = Patience(head=60, body=60, silence=60)
GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
WITH_BODY = b"POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Says how long a body was; `/unread` answers without reading it, `/slow` a second later than it could."""
    request = Request(scope, receive)
    size = 0 if scope["path"] == "/unread" else len(await request.body())
    if scope["path"] == "/slow":
        await asyncio.sleep(1.0)
    await PlainTextResponse(f"{size} bytes")(scope, receive, send)


class Listening:
    """A server in a thread of its own."""

    def __init__(self, patience: Patience) -> None:
        self.clients = Connections(lambda: 1000)
        http: Any = partial(BoundedHttp, clients=self.clients, patience=patience)
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(application, http=http, loop="asyncio", lifespan="off", log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> "Listening":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()

    def connected(self) -> socket.socket:
        client = socket.create_connection(self._socket.getsockname(), timeout=60)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client


@pytest.fixture(scope="module")
def short() -> Iterator[Listening]:
    with Listening(SHORT) as server:
        yield server


@pytest.fixture(scope="module")
def long() -> Iterator[Listening]:
    with Listening(LONG) as server:
        yield server


def until_cut(client: socket.socket, drip: bytes) -> bytes:
    """What the server says before it ends the connection, to whoever sends *drip* again and again."""
    stop = threading.Event()

    def dripping() -> None:
        with suppress(OSError):
            while drip and not stop.wait(0.05):
                client.sendall(drip)

    thread = threading.Thread(target=dripping)
    thread.start()
    said = b""
    with suppress(ConnectionError):
        while part := client.recv(65_536):
            said += part
    stop.set()
    thread.join()
    return said


@pytest.mark.parametrize(
    ("sent", "drip"),
    [
        (b"", b""),
        (b"", b"\r\n"),
        (b"G", b"E"),
        (b"GET / HTTP/1.1\r\nX: ", b"x"),
        (b"GET / HTTP/1.1\r\n", b"X: x\r\n"),
        (WITH_BODY % b"read", b""),
        (WITH_BODY % b"read", b"x"),
        (WITH_BODY % b"unread", b""),
        (WITH_BODY % b"unread", b"x"),
        (CHUNKED % b"read", b"1\r\nx\r\n"),
        (CHUNKED % b"unread", b"1\r\nx\r\n"),
        (CHUNKED % b"unread", b"1;x=y\r\nx\r\n"),
        (CHUNKED % b"unread" + b"0\r\n", b"X-T: x\r\n"),
        (CHUNKED % b"unread" + b"0\r\nX-T: ", b"x"),
        (CHUNKED % b"unread" + b"1;", b"x"),
        (GET % b"x", b""),
        (GET % b"x", b"\r\n"),
        (GET % b"x", b"\n"),
        (GET % b"x" + b"GET / HTTP/1.1\r\nX: ", b"x"),
        (GET % b"x" * 30, b"\r\n"),
        (b"GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", b"\r\n"),
        (WITH_BODY.replace(b"Host: x", b"Expect: 100-continue") % b"read", b""),
        (b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b""),
    ],
)  # fmt: skip
def test_whoever_drips_or_says_nothing_is_cut(short: Listening, sent: bytes, drip: bytes) -> None:
    with short.connected() as client:
        client.sendall(sent)
        until_cut(client, drip)
    until_none_is_open(short)


def until_none_is_open(server: Listening) -> None:
    end = time.monotonic() + 60
    while len(server.clients):
        assert time.monotonic() < end, "connections stay in the books"
        time.sleep(0.01)


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xff HTTP/1.1\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\n : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX\x00: x\r\n\r\n",
        GET % b"slow" + (GET % b"x") * (PIPELINED + 2),
    ],
)
def test_what_is_no_request_is_answered_with_400_and_ends(long: Listening, sent: bytes) -> None:
    with long.connected() as client:
        client.sendall(sent)
        said = until_cut(client, b"")
    assert said.startswith(b"HTTP/1.1 400 ")
    until_none_is_open(long)


def send_for_ever(client: socket.socket, first: bytes, rest: bytes) -> None:
    client.sendall(first)
    while True:
        client.sendall(rest)


@pytest.mark.parametrize(
    ("sent", "rest"),
    [
        (b"GET /x HTTP/1.1\r\nX: ", b"x" * 4096),
        (b"GET /x HTTP/1.1\r\n", b"X: x\r\n" * 500),
        (b"GET /", b"x" * 4096),
        (b"", b"\r\n" * 2048),
        (GET % b"x", b"\r\n" * 2048),
        (CHUNKED % b"unread" + b"0\r\n", b"X-T: x\r\n" * 500),
        (CHUNKED % b"unread" + b"0\r\nX-T: ", b"x" * 4096),
        (CHUNKED % b"unread" + b"1;", b"x" * 4096),
    ],
)
def test_what_brings_no_request_further_is_cut_at_its_length(long: Listening, sent: bytes, rest: bytes) -> None:
    with long.connected() as client, pytest.raises(ConnectionError):
        send_for_ever(client, sent, rest)
    until_none_is_open(long)


def test_a_body_that_comes_steadily_is_read_however_long_it_is(long: Listening) -> None:
    body = b"1\r\nx\r\n" * (HEAD_BYTES // 2) + b"0\r\n\r\n"
    with long.connected() as client, client.makefile("rb") as answers:
        for start in range(0, len(body), 5000):
            client.sendall((CHUNKED % b"read" if start == 0 else b"") + body[start : start + 5000])
        assert answers.readline() == b"HTTP/1.1 200 OK\r\n"


def test_an_answer_may_take_longer_than_any_silence(short: Listening) -> None:
    with short.connected() as client, client.makefile("rb") as answers:
        client.sendall(GET % b"slow")
        assert answers.readline() == b"HTTP/1.1 200 OK\r\n"


def test_requests_in_a_row_are_answered_in_their_order(short: Listening) -> None:
    bodies = [b"x" * size for size in (3, 1, 2)]
    sent = b"".join(b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(b), b) for b in bodies)
    with short.connected() as client:
        client.sendall(GET % b"slow" + sent)
        said = until_cut(client, b"")
    assert [said.index(b"%d bytes" % size) for size in (3, 1, 2)] == sorted(
        said.index(b"%d bytes" % size) for size in (1, 2, 3)
    )
    assert said.count(b"HTTP/1.1 200 OK") == 4


def test_a_client_that_has_said_all_gets_its_answer_or_an_end(short: Listening) -> None:
    with short.connected() as client:
        client.sendall(GET % b"x")
        client.shutdown(socket.SHUT_WR)
        until_cut(client, b"")
    until_none_is_open(short)
