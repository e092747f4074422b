"""Bodies of HTTP answers cost no more than their budget, whatever is sent before, inside or behind packed data."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Iterable
from itertools import chain, repeat

import pytest

from atlas_api.inputs.budgets import Budget, OverBudgetError
from atlas_rewards.http_body import UnreadableBodyError, read_body

BUDGET = Budget(1 << 20, 1000)
PACKED = gzip.compress(b'{"score": 1}')
HEAD = PACKED[:10]


def read(chunks: Iterable[bytes], encoding: str | None = "gzip") -> bytes:
    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return asyncio.run(read_body(arriving(), encoding, BUDGET))


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (PACKED, b"noise" * 10_000),
        (PACKED, PACKED * 2000),
        (b"", gzip.compress(b"") * 2000),
        (b"\x1f\x8b\x08\x08" + bytes(6), b"name" * 10_000),
        (HEAD, b"\x00\x00\x00\xff\xff" * 10_000),
    ],
    ids=["noise behind it", "more of the same", "nothing, again and again", "a name without end", "empty blocks"],
)
def test_packed_data_that_goes_on_without_end_and_becomes_nothing_is_left_at_the_budget(
    first: bytes, more: bytes
) -> None:
    begun = time.monotonic()
    with pytest.raises(OverBudgetError, match="longer than 1,048,576 bytes"):
        read(chain([first], repeat(more)))
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("behind", [b"", b"\n", b"noise" * 100, PACKED])
def test_what_follows_the_end_of_packed_data_is_passed_over_however_it_arrives(behind: bytes) -> None:
    body = PACKED + behind
    assert read([body]) == read(bytes([byte]) for byte in body) == b'{"score": 1}'


def test_a_body_of_exactly_its_budget_is_read_packed_or_not() -> None:
    body = bytes(BUDGET.bytes)
    assert read([gzip.compress(body)]) == read([body], None) == body
    for longer, encoding in ((gzip.compress(body + b"0"), "gzip"), (body + b"0", None)):
        with pytest.raises(OverBudgetError):
            read([longer], encoding)


@pytest.mark.parametrize("body", [PACKED[:-1], PACKED[:-8] + bytes(8), PACKED[:12], b"{}", HEAD + b"\xff" * 50])
def test_packed_data_that_is_cut_or_damaged_is_said_to_be(body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match="a gzip body that"):
        read([body])
