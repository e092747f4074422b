"""What is asked once and answers many: remembered answers, in memory and in a file, and shared calls. Real HTTP."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.judges.judge_calls import ask, calling, run
from support.judges.judge_replies import JudgeRequest, Rates, Reply, in_turn
from support.judges.judge_settings import judging
from support.judges.scripted_judge import ScriptedJudge


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Somebody else writes to this file of answers."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_the_same_question_costs_nothing_again_and_any_difference_is_another_question() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            assert [(await ask(client, settings)).cached for _ in range(2)] == [False, True]
            for how in ({"text": "Wrong?"}, {"temperature": 0.3}, {"repetition": 1}):
                assert not (await ask(client, settings, **how)).cached
            assert client.statistics().cache.hits == 1

    assert run(in_turn(Reply("yes")), story).count == 4


def test_the_file_remembers_for_the_same_revision_only(tmp_path: Path) -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, cache={"path": str(tmp_path / "answers.db")})
        for revision, cached in (("r1", False), ("r1", True), ("r2", False)):
            async with calling(settings, revision=revision) as client:
                assert (await ask(client, settings)).cached is cached

    run(in_turn(Reply("yes")), story)


def test_identical_questions_at_the_same_time_share_one_call() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            answers = await asyncio.gather(*(ask(client, settings) for _ in range(8)))
            assert [answer.cached for answer in answers] == [False] + [True] * 7
            assert client.statistics().shared == 7

    assert run(Rates(latency=0.01), story).count == 1


@pytest.mark.parametrize("entries", [0, 10])
def test_identical_questions_cost_one_call_however_slow_the_file_is(tmp_path: Path, entries: int) -> None:
    def script(request: JudgeRequest) -> Reply:
        return Reply(f"{request.text} {request.repeated}", latency=0.3 if request.text == "same" else 0.0)

    async def story(judge: ScriptedJudge) -> None:
        path = tmp_path / "answers.db"
        settings = judging(judge.base_url, cache={"path": str(path), "entries": entries})
        async with calling(settings) as client:
            first = asyncio.ensure_future(ask(client, settings, "same"))
            while not judge.in_flight:
                await asyncio.sleep(0.001)
            with held(path):
                await ask(client, settings, "its answer waits to be written")
                second = asyncio.ensure_future(ask(client, settings, "same"))
                assert (await first).text == "same 0"
            assert ((await second).text, (await second).cached) == ("same 0", True)
            assert ((await ask(client, settings, "same")).text, judge.count) == ("same 0", 2)

    run(script, story)


def test_a_file_that_somebody_else_writes_to_costs_no_answer(tmp_path: Path) -> None:
    async def story(judge: ScriptedJudge) -> None:
        path = tmp_path / "answers.db"
        timeouts = {"callSeconds": 3, "totalSeconds": 3}
        settings = judging(judge.base_url, cache={"path": str(path)}, timeouts=timeouts)
        async with calling(settings) as client:
            with held(path):
                await ask(client, settings, "its answer waits to be written")
                assert (await ask(client, settings, "asked all the same")).text == "yes"
                assert (client.statistics().cache.misses, judge.count) == (2, 2)

    run(in_turn(Reply("yes")), story)


def test_what_is_not_usable_is_given_back_and_not_remembered() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            texts = [(await ask(client, settings, usable=lambda text: text == "good")).text for _ in range(3)]
        assert texts == ["bad", "good", "good"]

    assert run(in_turn(Reply("bad"), Reply("good"), Reply("never")), story).count == 2
