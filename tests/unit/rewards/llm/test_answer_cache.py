"""Answers that are remembered, in memory and in a file."""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from atlas_api.errors import InvalidManifest
from atlas_api.rewardservice.judging import Cache
from atlas_rewards.llm.cache import AnswerCache, Memory
from atlas_rewards.llm.chat_completion import Completion


def run(settings: Cache, story: Callable[[AnswerCache], Awaitable[None]]) -> None:
    async def live() -> None:
        cache = AnswerCache(settings)
        await story(cache)
        await cache.close()

    asyncio.run(live())


async def known(cache: AnswerCache, keys: str) -> str:
    """Those of *keys* that are remembered."""
    return "".join([key for key in keys if await cache.get(key) is not None])


def test_the_least_recently_used_is_forgotten_first() -> None:
    async def story(cache: AnswerCache) -> None:
        cache.put("a", Completion("A", 1))
        cache.put("b", Completion("B", 1))
        await cache.get("a")
        cache.put("c", Completion("C", 1))
        assert await known(cache, "abc") == "ac"

    run(Cache(entries=2), story)


def test_without_entries_nothing_is_remembered() -> None:
    async def story(cache: AnswerCache) -> None:
        cache.put("a", Completion("A", 1))
        assert await known(cache, "a") == ""

    run(Cache(entries=0), story)


def test_caches_may_share_a_memory_and_each_keeps_to_its_own_limit() -> None:
    async def story() -> None:
        memory = Memory()
        large, small, none = (AnswerCache(Cache(entries=entries), memory) for entries in (3, 1, 0))
        for key in "abc":
            large.put(key, Completion(key, 1))
        assert await known(small, "abc") == "abc"
        assert await known(none, "abc") == ""
        small.put("d", Completion("d", 1))
        assert await known(large, "abcd") == "d"

    asyncio.run(story())


def test_hits_and_misses_are_counted() -> None:
    async def story(cache: AnswerCache) -> None:
        cache.put("a", Completion("A", 1))
        await known(cache, "aab")
        statistics = cache.statistics()
        assert (statistics.entries, statistics.hits, statistics.misses) == (1, 2, 1)

    run(Cache(), story)


@pytest.mark.parametrize("entries", [0, 10])
def test_a_file_remembers_over_restarts(tmp_path: Path, entries: int) -> None:
    settings = Cache(entries=entries, path=str(tmp_path / "answers.db"))

    async def write(cache: AnswerCache) -> None:
        cache.put("a", Completion("é\udcff", None))
        cache.put("b", Completion("B", 7))

    async def read(cache: AnswerCache) -> None:
        assert await cache.get("a") == Completion("é?", None)
        assert await cache.get("b") == Completion("B", 7)
        assert await cache.get("c") is None
        assert cache.statistics().hits == 2

    run(settings, write)
    run(settings, read)


def test_what_was_used_lately_is_known_without_the_file(tmp_path: Path) -> None:
    settings = Cache(path=str(tmp_path / "answers.db"))

    async def write(cache: AnswerCache) -> None:
        cache.put("a", Completion("A", 1))
        assert cache.recent("a") == Completion("A", 1)

    async def read(cache: AnswerCache) -> None:
        assert cache.recent("a") is None
        assert await cache.get("a") == cache.recent("a") == Completion("A", 1)
        assert (cache.statistics().hits, cache.statistics().misses) == (2, 0)

    run(settings, write)
    run(settings, read)


def test_two_may_share_a_file(tmp_path: Path) -> None:
    settings = Cache(entries=0, path=str(tmp_path / "answers.db"))

    async def story(cache: AnswerCache) -> None:
        other = AnswerCache(settings)
        for number in range(50):
            cache.put(f"a{number}", Completion("A", 1))
            other.put(f"b{number}", Completion("B", 1))
        await cache.get("a0")  # behind the writes of the same cache
        await other.close()
        assert await cache.get("b49") is not None

    run(settings, story)


@pytest.mark.parametrize("place", ["no/such/folder/answers.db", ".", "text"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, place: str) -> None:
    (tmp_path / "text").write_text("This is no database, but it is long enough to be looked at." * 50)
    with pytest.raises(InvalidManifest, match=r"^cache\.path: .* cannot be used .*; name a writable file$"):
        AnswerCache(Cache(path=str(tmp_path / place)))


def test_a_file_that_breaks_later_costs_answers_and_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "answers.db"

    async def story(cache: AnswerCache) -> None:
        with sqlite3.connect(path) as other:
            other.execute("DROP TABLE answers")
        other.close()
        cache.put("a", Completion("A", 1))
        assert await known(cache, "a") == ""

    with caplog.at_level(logging.WARNING):
        run(Cache(entries=0, path=str(path)), story)
    assert [record.message for record in caplog.records] == [
        f"judges' answers are not remembered in {path}: no such table: answers"
    ]
