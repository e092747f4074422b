"""A silent API server is told in the log once, and once more when it answers again."""

import asyncio
import logging

import pytest

from atlas_operator.cluster.rest.reachability import Reachability

HOST = "https://kubernetes.test:6443"


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_silence_and_its_end_are_told_once_each(log: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    reachability = Reachability(HOST, lambda: now[0])
    reachability.answered()
    for _ in range(3):
        reachability.failed("connection refused")
    now[0] = 75.4
    for _ in range(3):
        reachability.answered()
    reachability.failed("no route to host")
    assert log.messages == [
        f"the API server at {HOST} does not answer: connection refused; it is asked again and again",
        f"the API server at {HOST} answers again, after 75 s",
        f"the API server at {HOST} does not answer: no route to host; it is asked again and again",
    ]


def test_a_request_without_a_word_is_told_while_it_still_waits(log: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        reachability = Reachability(HOST, patience=0.0)
        with reachability.asking():
            while not log.messages:
                await asyncio.sleep(0)

    asyncio.run(story())
    assert log.messages == [f"the API server at {HOST} does not answer: no word for 0 s; it is asked again and again"]


def test_a_request_that_ends_in_time_is_not_told(log: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        reachability = Reachability(HOST, patience=0.01)
        with reachability.asking():
            pass
        await asyncio.sleep(0.05)

    asyncio.run(story())
    assert log.messages == []
