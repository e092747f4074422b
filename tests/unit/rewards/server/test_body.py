"""Bodies are read within limits of size, time and number of values."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from atlas_rewards.server.http.body import BODIES, Bodies, read_json
from atlas_rewards.server.http.disconnect import CLIENT_LEFT
from atlas_rewards.server.http.request_error import RequestError


def request_of(chunks: Sequence[bytes], pause: float = 0.0) -> Request:
    async def arriving() -> AsyncIterator[Message]:
        for chunk in chunks:
            await asyncio.sleep(pause)
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    messages = arriving()
    return Request({"type": "http", "headers": []}, lambda: anext(messages))


async def read(bodies: Bodies, request: Request, limit: int = 1000) -> Any:
    async with bodies.read(request, limit, items=10) as document:
        return document


def error_of(bodies: Bodies, request: Request) -> RequestError:
    with pytest.raises(RequestError) as caught:
        asyncio.run(read(bodies, request))
    assert bodies.held == 0
    return caught.value


def test_a_body_in_parts_is_read_as_one() -> None:
    assert asyncio.run(read(Bodies(), request_of([b'{"items"', b": [1", b"]}"]))) == {"items": [1]}


def test_a_body_is_refused_at_the_first_byte_too_many() -> None:
    assert error_of(Bodies(), request_of([b" " * 600] * 1000)).code == "tooLarge"


def test_a_body_that_takes_too_long_is_refused() -> None:
    assert error_of(Bodies(seconds=0.05), request_of([b" "] * 100, pause=0.02)).status == 408


def test_a_client_that_leaves_before_its_body_is_whole_is_no_mistake() -> None:
    arriving: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b'{"items": [', "more_body": True},
    ]

    async def receive() -> Message:
        return arriving.pop()

    assert error_of(Bodies(), Request({"type": "http", "headers": []}, receive)).status == CLIENT_LEFT


def test_all_bodies_together_are_bounded() -> None:
    async def hold(bodies: Bodies) -> list[str]:
        async def one(done: asyncio.Event) -> None:
            async with bodies.read(request_of([b" " * 997 + b"[1]"]), 1000, items=10):
                await done.wait()

        done = asyncio.Event()
        tasks = [asyncio.create_task(one(done)) for _ in range(BODIES + 3)]
        while sum(task.done() for task in tasks) < 3:
            await asyncio.sleep(0)
        assert bodies.held == BODIES * 1000
        done.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        return [one.code for one in ended if isinstance(one, RequestError)]

    bodies = Bodies()
    assert asyncio.run(hold(bodies)) == ["busy"] * 3
    assert bodies.held == 0


def test_long_texts_are_not_many_values() -> None:
    document = {"items": [{"completion": ',[{"\\' * 100_000}]}
    assert read_json(json.dumps(document).encode(), items=1) == document


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "body",
    [b'{"items":["' + b'\\"' * 2_000_000, b'["' + b'\\"' * 2_000_001 + b"\\", b'"\\' * 2_000_000, b'"' * 3_000_001],
)
def test_strings_without_an_end_are_refused_as_fast_as_others(body: bytes) -> None:
    """With time by the square of the length this takes an hour."""
    with pytest.raises(RequestError, match="not valid JSON"):
        read_json(body, items=1)


@given(st.lists(st.sampled_from([b'"', b"\\", b",", b"[", b"{", b"x"]), max_size=40).map(b"".join))
def test_only_what_stands_outside_of_strings_counts_as_values(part: bytes) -> None:
    """Any string is read, and a body that is no JSON is refused, not a crash."""
    text = json.dumps({"a": part.decode() * 1000}).encode()
    assert read_json(text, items=1) == json.loads(text)
    with pytest.raises(RequestError):
        read_json(part + b"\x01", items=1)


@pytest.mark.parametrize("part", [b"[]", b"{}", b"0", b'""', b'"\\""'])
def test_many_values_are_refused_before_they_are_made(part: bytes) -> None:
    with pytest.raises(RequestError, match="more than 1000 values"):
        read_json(b"[" + b",".join([part] * 1500) + b"]", items=1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_only_utf_8_is_read(encoding: str) -> None:
    """In another encoding a letter such as this one holds a byte that looks like a quote, and hides what follows."""
    text = f'["\u2200"{",[]" * 1500}]'
    with pytest.raises(RequestError):
        read_json(text.encode(encoding), items=1)
    assert read_json('["\u2200"]'.encode("utf-8-sig"), items=1) == ["\u2200"]


def test_a_message_about_json_quotes_nothing_of_it() -> None:
    with pytest.raises(RequestError, match="not valid JSON") as caught:
        read_json(b'{"secret words": ', items=1)
    assert "secret" not in str(caught.value)
