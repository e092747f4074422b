"""A loop in a thread of its own: whoever asks it gets an answer or an error, also while it ends."""

import asyncio
import threading
from concurrent.futures import CancelledError
from concurrent.futures import Future as Outcome

import pytest

from atlas_rewards.background_loop import BackgroundLoop


class Owner:
    """Whose loop it is."""


async def nothing() -> None:
    """Closes nothing."""


def test_what_runs_in_it_is_given_back_or_raised() -> None:
    owner = Owner()
    loop = BackgroundLoop(owner, nothing)
    assert loop.run(asyncio.sleep(0, 7)) == 7
    assert asyncio.run(loop.awaited(asyncio.sleep(0, 8))) == 8
    loop.stop()


def test_a_call_that_comes_while_it_ends_is_given_up_and_not_forgotten() -> None:
    ending, begun, may_end = threading.Event(), threading.Event(), threading.Event()
    outcome: Outcome[CancelledError] = Outcome()

    async def finish() -> None:
        ending.set()
        await asyncio.to_thread(may_end.wait)

    async def endless() -> None:
        begun.set()
        await asyncio.get_running_loop().create_future()

    def call() -> None:
        try:
            loop.run(endless())
        except CancelledError as error:
            outcome.set_result(error)

    owner = Owner()
    loop = BackgroundLoop(owner, finish)
    threads = [threading.Thread(target=loop.stop, daemon=True), threading.Thread(target=call, daemon=True)]
    threads[0].start()
    assert ending.wait(60)
    threads[1].start()
    assert begun.wait(60)
    may_end.set()
    assert outcome.result(30) is not None
    for thread in threads:
        thread.join()


def test_a_call_that_comes_after_its_end_is_refused() -> None:
    owner = Owner()
    loop = BackgroundLoop(owner, nothing)
    loop.stop()
    late = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closed"):
        loop.run(late)
    late.close()
