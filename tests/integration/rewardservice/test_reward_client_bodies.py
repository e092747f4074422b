"""What a RewardService sends is read within a budget of bytes, values, levels and time, and its words are told."""

import asyncio
import json
import time
import zlib
from collections.abc import Callable, Iterator

import httpx
import pytest
from support.rewardservice.scripted_service import scripted_service
from support.server.raw_server import chunk, raw_server

from atlas_api import InvalidManifest
from atlas_api.errors import AccessDenied
from atlas_api.inputs.budgets import SCORES
from atlas_rewards import Item, ItemResult
from atlas_rewards.client.reward_client import RewardClient
from atlas_rewards.client.service_answer import ask_service

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def endless() -> Iterator[bytes]:
    yield OK + CHUNKED
    while True:
        yield chunk(b" " * 65_536)


def endless_bomb() -> Iterator[bytes]:
    yield OK + b"Content-Encoding: gzip\r\n" + CHUNKED
    packer = zlib.compressobj(9, wbits=31)
    while True:
        if packed := packer.compress(bytes(1 << 20)):
            yield chunk(packed)


def one_body(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Callable[[], Iterator[bytes]]:
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n" % (status, len(body))
    return lambda: iter([head + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body])


def scores(score: str) -> bytes:
    return b'{"revision": "r", "results": [{"score": %s}]}' % score.encode()


def asked(url: str, *answers: str, token: str | None = None) -> list[ItemResult]:
    client = RewardClient(url, token, patience=0.1)
    try:
        return client.score_sync([Item(answer) for answer in answers or ("42",)])
    finally:
        client.close_sync()


@pytest.mark.parametrize("parts", [endless, endless_bomb])
def test_an_answer_without_an_end_is_left_at_its_budget(parts: Callable[[], Iterator[bytes]]) -> None:
    with raw_server(parts) as server, pytest.raises(InvalidManifest) as caught:
        asked(server.url)
    assert f"{server.url} is no reward service: it says 200: longer than {SCORES.bytes:,} bytes" in str(caught.value)
    assert server.sent < 4 * SCORES.bytes


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"[" * 100 + b"]" * 100, [], "200: nested more than 64 levels deep"),
        (b"[" + b"[]," * 600_000 + b"0]", [], "200: more than 500,000 values"),
        (b"not gzip at all", [b"Content-Encoding: gzip"], "200: a gzip body that is damaged"),
        (b"x", [b"Content-Encoding: br"], "200: a body in the encoding 'br'"),
        (b"<html><title>Sign in</title>", [], "200: Sign in"),
        (scores("7"), [], "scores outside 0 to 1"),
        (scores("-0.01"), [], "scores outside 0 to 1"),
        (scores("NaN"), [], "scores outside 0 to 1"),
        (scores("1e999"), [], "scores outside 0 to 1"),
    ],
)
def test_what_no_reward_service_says_is_a_mistake(body: bytes, headers: list[bytes], says: str) -> None:
    with raw_server(one_body(body, *headers)) as server, pytest.raises(InvalidManifest, match=says):
        asked(server.url)


def drips() -> Iterator[bytes]:
    yield OK + CHUNKED
    while True:
        time.sleep(0.02)
        yield chunk(b" ")


def drips_heads() -> Iterator[bytes]:
    yield OK
    while True:
        time.sleep(0.02)
        yield b"X-More: yes\r\n"


@pytest.mark.parametrize("parts", [drips, drips_heads])
def test_an_answer_that_drips_without_an_end_ends_by_time(parts: Callable[[], Iterator[bytes]]) -> None:
    async def story(url: str) -> None:
        async with httpx.AsyncClient() as http:
            with pytest.raises(TimeoutError):
                await ask_service(http, "GET", url, None, seconds=0.3)

    with raw_server(parts) as server:
        asyncio.run(asyncio.wait_for(story(server.url), 60))


def test_the_service_in_its_own_words_without_the_token() -> None:
    body = json.dumps({"error": {"code": "unauthorized", "message": "the token hunter2-hunter2 is unknown"}}).encode()
    with raw_server(one_body(body, status=b"401 Unauthorized")) as server, pytest.raises(AccessDenied) as caught:
        asked(server.url, token="hunter2-hunter2")
    assert "(it says 401: the token *** is unknown); check reward.serviceRef.tokenFrom" in str(caught.value)


def test_a_batch_whose_answer_is_over_budget_is_asked_in_parts() -> None:
    long = "x" * (SCORES.bytes // 3)
    with scripted_service() as service:
        results = asked(service.url, *(f"{number} {long}" for number in range(4)))
    assert [result.reasons[0][0] for result in results] == ["0", "1", "2", "3"]
    assert sorted(service.sizes) == [2, 2, 4]
