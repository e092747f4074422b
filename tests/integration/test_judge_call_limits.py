"""What spares models and money: limits, hedges, circuit breaker, budget, cache, over real HTTP."""

import asyncio
from pathlib import Path

import pytest
from support.judge_calls import FakeTime, ask, calling, refused, run
from support.judge_replies import Asked, Rates, Reply, hang, in_turn, refusal
from support.judge_settings import judging
from support.scripted_judge import ScriptedJudge


def test_calls_in_flight_are_limited_over_everything() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, concurrency=5)
        async with calling(settings) as caller:
            await asyncio.gather(*(ask(caller, settings, str(number)) for number in range(30)))

    judge = run(Rates(latency=0.01), story)
    assert (judge.most_in_flight, judge.count) == (5, 30)


def test_a_slow_call_is_made_a_second_time_and_the_first_answer_counts() -> None:
    def script(asked: Asked) -> Reply:
        return hang() if asked.text == "slow" and not asked.repeated else Reply(f"{asked.text} {asked.repeated}")

    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, hedgeAfter=99)
        async with calling(settings) as caller:
            for number in range(20):
                await ask(caller, settings, str(number))
            assert (await ask(caller, settings, "slow")).text == "slow 1"
            assert caller.statistics().models[0].hedges >= 1
            assert caller.statistics().models[0].in_flight == 0

    run(script, story)


def test_an_endpoint_that_only_fails_is_left_alone_and_then_tried_with_one_call() -> None:
    async def story(judge: ScriptedJudge) -> None:
        breaker = {"failures": 3, "openSeconds": 10}
        settings, clock = judging(judge.base_url, circuitBreaker=breaker), FakeTime()
        async with calling(settings, clock.world) as caller:
            assert (await refused(caller, settings)).reason == "overloaded"
            failure = await refused(caller, settings)
            assert failure.reason == "circuitOpen"
            assert "because it answers 500 Internal Server Error" in str(failure)
            assert (judge.count, caller.statistics().models[0].state) == (3, "open")
            clock.now += 10
            assert (await ask(caller, settings)).text == "yes"
            assert caller.statistics().models[0].state == "closed"

    run(in_turn(*[refusal(500)] * 3, Reply("yes")), story)


def test_too_many_requests_do_not_open_the_circuit() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url, circuitBreaker={"failures": 1}), FakeTime()
        async with calling(settings, clock.world) as caller:
            assert (await ask(caller, settings)).text == "yes"

    run(in_turn(refusal(429), refusal(429), Reply("yes")), story)


def test_over_the_budget_nothing_is_asked() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, budget={"callsPerMinute": 2})
        async with calling(settings) as caller:
            await asyncio.gather(*(ask(caller, settings, text) for text in "ab"))
            failure = await refused(caller, settings, "c")
            assert (await ask(caller, settings, "a")).cached
        assert failure.reason == "overBudget"
        assert "budget.callsPerMinute of 2 is used up" in str(failure)

    assert run(in_turn(Reply("yes")), story).count == 2


def test_tokens_are_counted_as_the_endpoint_counts_them() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, budget={"tokensPerHour": 100})
        async with calling(settings) as caller:
            await ask(caller, settings, "a")
            assert "budget.tokensPerHour of 100" in str(await refused(caller, settings, "long " * 4))
            assert caller.statistics().models[0].tokens == 98

    run(in_turn(Reply("yes", usage={"total_tokens": 98})), story)


def test_the_same_question_costs_nothing_again_and_any_difference_is_another_question() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as caller:
            assert [(await ask(caller, settings)).cached for _ in range(2)] == [False, True]
            for how in ({"text": "Wrong?"}, {"temperature": 0.3}, {"repetition": 1}):
                assert not (await ask(caller, settings, **how)).cached
            assert caller.statistics().cache.hits == 1

    assert run(in_turn(Reply("yes")), story).count == 4


def test_the_file_remembers_for_the_same_revision_only(tmp_path: Path) -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, cache={"path": str(tmp_path / "answers.db")})
        for revision, cached in (("r1", False), ("r1", True), ("r2", False)):
            async with calling(settings, revision=revision) as caller:
                assert (await ask(caller, settings)).cached is cached

    run(in_turn(Reply("yes")), story)


def test_identical_questions_at_the_same_time_share_one_call() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as caller:
            answers = await asyncio.gather(*(ask(caller, settings) for _ in range(8)))
            assert [answer.cached for answer in answers] == [False] + [True] * 7
            assert caller.statistics().shared == 7

    assert run(Rates(latency=0.01), story).count == 1


def test_what_is_not_usable_is_given_back_and_not_remembered() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as caller:
            texts = [(await ask(caller, settings, usable=lambda text: text == "good")).text for _ in range(3)]
        assert texts == ["bad", "good", "good"]

    assert run(in_turn(Reply("bad"), Reply("good"), Reply("never")), story).count == 2


def test_who_goes_away_takes_the_call_along() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as caller:
            asked = asyncio.ensure_future(ask(caller, settings))
            while not judge.in_flight:
                await asyncio.sleep(0.001)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            while judge.in_flight:
                await asyncio.sleep(0.001)
        assert judge.abandoned == 1

    run(in_turn(hang()), story)
