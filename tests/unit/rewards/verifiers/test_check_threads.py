"""Checks run in threads, and one that hangs holds up nobody: not the next check, not the end of the process."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from atlas_rewards.verifiers.threads import CheckLost, CheckThreads

LONG = 60.0


async def lost(threads: CheckThreads, check: Callable[[], object], seconds: float) -> str:
    with pytest.raises(CheckLost) as caught:
        await threads.run(check, time.monotonic() + seconds)
    return str(caught.value)


def test_a_check_gives_what_it_returns_or_raises() -> None:
    async def run() -> None:
        threads = CheckThreads()
        assert await threads.run(lambda: 7, time.monotonic() + LONG) == 7
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0, time.monotonic() + LONG)
        assert await lost(threads, sys.exit, LONG) == "ended its thread with SystemExit"

    asyncio.run(run())


def test_one_check_after_the_other_needs_one_thread() -> None:
    async def run() -> set[int]:
        threads = CheckThreads()
        return {await threads.run(threading.get_ident, time.monotonic() + LONG) for _ in range(50)}

    assert len(asyncio.run(run())) == 1


def test_checks_run_at_the_same_time_up_to_the_limit() -> None:
    running = threading.Barrier(3)

    async def run() -> None:
        threads = CheckThreads(at_once=3)
        await asyncio.gather(*(threads.run(running.wait, time.monotonic() + LONG) for _ in range(9)))

    asyncio.run(run())


def test_checks_that_hang_leave_their_places_to_others() -> None:
    never = threading.Event()

    async def run() -> None:
        threads = CheckThreads(at_once=2, most=100)
        hung = await asyncio.gather(*(lost(threads, never.wait, 0.05) for _ in range(20)))
        assert set(hung) <= {"deadline: was not done in time", "deadline: was not begun in time"}
        assert "deadline: was not done in time" in hung
        assert await threads.run(lambda: 7, time.monotonic() + LONG) == 7

    asyncio.run(run())
    never.set()


def test_a_slow_check_may_go_on_and_keeps_no_other_from_running() -> None:
    end = threading.Event()

    async def run() -> None:
        threads = CheckThreads(at_once=1, slow_seconds=0.05)
        slow = asyncio.create_task(threads.run(end.wait, time.monotonic() + LONG))
        await asyncio.sleep(0)
        assert await threads.run(lambda: 7, time.monotonic() + LONG) == 7
        end.set()
        assert await slow is True

    asyncio.run(run())


def test_too_many_checks_that_hang_leave_no_thread_until_they_end() -> None:
    end = threading.Event()

    async def run() -> None:
        threads = CheckThreads(at_once=2, most=4)
        for _ in range(4):
            assert await lost(threads, end.wait, 0.05) == "deadline: was not done in time"
        assert await lost(threads, lambda: 7, 0.05) == "deadline: was not begun in time"
        asyncio.get_running_loop().call_later(0.05, end.set)
        assert await threads.run(lambda: 7, time.monotonic() + LONG) == 7

    asyncio.run(run())


@contextmanager
def no_further_threads() -> Iterator[None]:
    """A new thread wants more memory than any machine has."""
    before = threading.stack_size(1 << 50)
    try:
        yield
    finally:
        threading.stack_size(before)


def test_where_no_thread_can_be_started_a_check_is_lost_and_its_place_is_not() -> None:
    end = threading.Event()

    async def run() -> None:
        threads = CheckThreads(most=2)
        busy = asyncio.create_task(threads.run(end.wait, time.monotonic() + LONG))
        await asyncio.sleep(0)
        with no_further_threads():
            for _ in range(3):
                assert await lost(threads, lambda: 7, LONG) == "no further thread can be started on this machine"
        end.set()
        assert await busy is True
        # The thread that was busy takes one of them; the other needs a new one, which no earlier check stands for.
        together = threading.Barrier(2)
        await asyncio.gather(*(threads.run(lambda: together.wait(LONG), time.monotonic() + LONG) for _ in range(2)))

    asyncio.run(run())


HANGS = """
import asyncio, time
from atlas_rewards.verifiers.threads import CheckLost, CheckThreads

async def run():
    try:
        await CheckThreads().run(lambda: time.sleep(3600), time.monotonic() + 0.05)
    except CheckLost as lost:
        print(lost)

asyncio.run(run())
"""


def test_the_end_of_the_process_waits_for_no_check() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, check=True, timeout=60
    )  # fmt: skip
    assert (ended.stdout, ended.stderr) == ("deadline: was not done in time\n", "")


LATE = """
import asyncio, time
from atlas_rewards.verifiers.threads import CheckLost, CheckThreads

def fails_late():
    time.sleep(0.2)
    raise ValueError("nobody hears this")

async def run(after):
    try:
        await CheckThreads().run(fails_late, time.monotonic() + 0.05)
    except CheckLost:
        await asyncio.sleep(after)

asyncio.run(run(after=0.4))
asyncio.run(run(after=0.0))
time.sleep(0.4)
"""


def test_a_check_that_fails_when_nobody_waits_any_longer_says_nothing() -> None:
    ended = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ("", "")
