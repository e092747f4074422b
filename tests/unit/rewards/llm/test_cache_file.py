"""The file of remembered answers does not grow for ever."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from atlas_rewards.llm.cache_file import CacheFile
from atlas_rewards.llm.chat_completion import Completion

A_DAY = 86_400.0


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.db"


def run(story: Callable[[CacheFile, Clock], Awaitable[None]], path: Path, most: int) -> None:
    async def live() -> None:
        clock = Clock()
        file = CacheFile(path, most, clock)
        await story(file, clock)
        await file.close()

    asyncio.run(live())


def keys(path: Path) -> list[str]:
    database = sqlite3.connect(path)
    found = [key for (key,) in database.execute("SELECT key FROM answers ORDER BY key")]
    database.close()
    return found


async def put(file: CacheFile, clock: Clock, *names: str) -> None:
    """One a second."""
    for name in names:
        clock.now += 1
        file.put(name, Completion(name, 1))
        await file.get(name)  # behind the write


def test_beyond_the_limit_the_oldest_go(path: Path) -> None:
    async def story(file: CacheFile, clock: Clock) -> None:
        await put(file, clock, "a", "b", "c", "d", "e")

    run(story, path, 3)
    assert keys(path) == ["c", "d", "e"]


def test_what_was_asked_for_later_stays_longer(path: Path) -> None:
    async def story(file: CacheFile, clock: Clock) -> None:
        await put(file, clock, "a", "b", "c")
        clock.now += A_DAY
        assert await file.get("a") == Completion("a", 1)
        await put(file, clock, "d", "e")

    run(story, path, 3)
    assert keys(path) == ["a", "d", "e"]


def test_what_is_put_again_counts_as_used(path: Path) -> None:
    async def story(file: CacheFile, clock: Clock) -> None:
        await put(file, clock, "a", "b", "a", "c", "d")

    run(story, path, 3)
    assert keys(path) == ["a", "c", "d"]


def test_a_file_that_is_too_large_is_pruned_when_it_is_opened(path: Path) -> None:
    async def fill(file: CacheFile, clock: Clock) -> None:
        await put(file, clock, *"abcdef")

    async def nothing(file: CacheFile, clock: Clock) -> None:
        pass

    run(fill, path, 100)
    assert keys(path) == [*"abcdef"]
    run(nothing, path, 2)
    assert keys(path) == ["e", "f"]


def test_a_large_file_is_pruned_now_and_then_only(path: Path) -> None:
    async def story(file: CacheFile, clock: Clock) -> None:
        await put(file, clock, *(f"{number:04}" for number in range(1032)))

    run(story, path, 1000)  # every 11 answers
    assert len(keys(path)) == 1000 + 1032 % 11
    assert keys(path)[-1] == "1031"


def test_two_that_share_a_file_prune_it_to_its_limit_and_no_further(path: Path) -> None:
    async def story(file: CacheFile, clock: Clock) -> None:
        other = CacheFile(path, 10, clock)
        for number in range(50):
            clock.now += 1
            file.put(f"a{number:02}", Completion("A", 1))
            other.put(f"b{number:02}", Completion("B", 1))
        await file.get("a49")
        await other.close()

    run(story, path, 10)
    assert len(keys(path)) == 10


@pytest.mark.timeout(60)
def test_a_file_that_others_hold_is_waited_for_once_and_not_for_each_answer(path: Path) -> None:
    """Five seconds for each of the answers would be minutes, also when the file is closed."""

    async def story(file: CacheFile, clock: Clock) -> None:
        await put(file, clock, "before")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for number in range(40):
            file.put(f"meanwhile{number}", Completion("A", 1))
            reading = asyncio.create_task(file.get("before"))
            await asyncio.sleep(0)
        assert await reading == Completion("before", 1)
        other.close()
        await put(file, clock, "after")

    run(story, path, 100)
    assert keys(path) == ["after", "before"]
