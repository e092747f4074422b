"""What an endpoint sends is read within a budget of bytes, values, levels and time, however it is packed."""

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from support.judges.judge_calls import ask, calling, refused, run
from support.judges.judge_replies import Reply, in_turn
from support.judges.judge_settings import judging
from support.judges.scripted_judge import ScriptedJudge
from support.server.raw_server import chunk, raw_server

from atlas_api.inputs.budgets import JUDGE_ANSWER

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
COMPLETION = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
ONCE = {"retries": {"attempts": 1}}


def bomb(mebibytes: int = 256) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(mebibytes)) + packer.flush()


def endless() -> Iterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield chunk(b" " * 65_536)


def endless_without_length() -> Iterator[bytes]:
    yield HEAD + b"Connection: close\r\n\r\n"
    while True:
        yield b" " * 65_536


def endless_errors() -> Iterator[bytes]:
    yield HEAD.replace(b"200 OK", b"400 Bad Request") + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield chunk(b"no! " * 10_000)


def endless_bomb() -> Iterator[bytes]:
    yield HEAD + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    packer = zlib.compressobj(9, wbits=31)
    while True:
        if packed := packer.compress(bytes(1 << 20)):
            yield chunk(packed)


@pytest.mark.parametrize("parts", [endless, endless_without_length, endless_errors, endless_bomb])
def test_a_body_without_an_end_is_left_at_its_budget(parts: Callable[[], Iterator[bytes]]) -> None:
    async def story(url: str) -> None:
        settings = judging(f"{url}/v1", **ONCE)
        async with calling(settings) as client:
            failure = await refused(client, settings)
        assert (failure.reason, url in str(failure)) == ("malformed", True)
        assert f"cannot be read: longer than {JUDGE_ANSWER.bytes:,} bytes" in str(failure)

    with raw_server(parts) as server:
        asyncio.run(asyncio.wait_for(story(server.url), 60))
        # What waits in the sockets' buffers is all that is sent beyond what is read.
        assert server.sent < JUDGE_ANSWER.bytes + 32 * 2**20


def test_a_bomb_costs_no_more_memory_than_its_budget() -> None:
    packed = bomb()

    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, **ONCE)
        async with calling(settings) as client:
            tracemalloc.start()
            failure = await refused(client, settings)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert (failure.reason, peak < 8 * JUDGE_ANSWER.bytes) == ("malformed", True)

    run(in_turn(Reply(body=packed, headers={"Content-Encoding": "gzip"})), story)


def slow_body() -> Iterator[bytes]:
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        time.sleep(0.02)
        yield chunk(b" ")


def slow_head() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        time.sleep(0.02)
        yield b"X-More: yes\r\n"


def informed_for_ever() -> Iterator[bytes]:
    while True:
        time.sleep(0.02)
        yield b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("parts", [slow_body, slow_head, informed_for_ever])
def test_an_answer_that_drips_without_an_end_ends_by_time(parts: Callable[[], Iterator[bytes]]) -> None:
    async def story(url: str) -> None:
        settings = judging(f"{url}/v1", timeouts={"callSeconds": 0.5}, **ONCE)
        async with calling(settings) as client:
            assert (await refused(client, settings)).reason in ("timeout", "unreachable")

    with raw_server(parts) as server:
        asyncio.run(asyncio.wait_for(story(server.url), 60))


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [
        (b"{" * 65 + b"}" * 65, "", "nested more than 64 levels deep"),
        (b"[" + b"[]," * 100_000 + b"0]", "", "more than 50,000 values"),
        (b"not gzip at all", "gzip", "a gzip body that is damaged"),
        (gzip.compress(json.dumps(COMPLETION).encode(), mtime=0)[:-9], "gzip", "a gzip body that ends early"),
        (gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0), "gzip, gzip", "a body in the encoding 'gzip, gzip'"),
        (zlib.compress(b"{}"), "deflate", "a body in the encoding 'deflate'"),
        (b"{}", "br", "a body in the encoding 'br', though only identity was asked for"),
    ],
)  # fmt: skip
def test_what_is_over_budget_or_packed_otherwise_is_told(body: bytes, encoding: str, says: str) -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, **ONCE)
        async with calling(settings) as client:
            failure = await refused(client, settings)
        assert failure.reason == "malformed"
        assert says in str(failure)

    headers = {"Content-Encoding": encoding} if encoding else {}
    run(in_turn(Reply(body=body, headers=headers)), story)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
def test_a_server_that_packs_all_the_same_is_understood(encoding: str) -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            assert (await ask(client, settings)).text == "yes"

    packed = gzip.compress(json.dumps(COMPLETION).encode())
    (request,) = run(in_turn(Reply(body=packed, headers={"Content-Encoding": encoding})), story).requests
    assert request.headers["accept-encoding"] == "identity"
