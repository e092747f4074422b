"""What spares models and money: limits, hedges, circuit breaker, budget, over real HTTP."""

import asyncio
import re
import time

import pytest
from support.judges.judge_calls import FakeTime, ask, ask_large, calling, refused, run
from support.judges.judge_replies import JudgeRequest, Reply, hang, in_turn, refusal
from support.judges.judge_settings import NOBODY, judging
from support.judges.scripted_judge import ScriptedJudge

BREAKER = {"failures": 3, "openSeconds": 10}
NINE = {"attempts": 9, "baseSeconds": 0.001}


def test_calls_in_flight_are_limited_over_everything() -> None:
    def script(request: JudgeRequest) -> Reply:
        return Reply("yes", latency=3.0 if request.number < 5 else 0.01)  # long enough to make five

    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, concurrency=5)
        async with calling(settings) as client:
            await asyncio.gather(*(ask(client, settings, str(number)) for number in range(30)))

    judge = run(script, story)
    assert (judge.most_in_flight, judge.count) == (5, 30)


def test_a_slow_call_is_made_a_second_time_and_the_first_answer_counts() -> None:
    def script(request: JudgeRequest) -> Reply:
        return (
            hang() if request.text == "slow" and not request.repeated else Reply(f"{request.text} {request.repeated}")
        )

    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, hedgeAfter=99)
        async with calling(settings) as client:
            for number in range(20):
                await ask(client, settings, str(number))
            before = client.statistics().models[0].p99_seconds or 0.0
            assert (await ask(client, settings, "slow")).text == "slow 1"
            assert client.statistics().models[0].hedges >= 1
            statistics = client.statistics().models[0]
            assert (statistics.in_flight, statistics.abandoned, statistics.answered) == (0, statistics.hedges, 21)
            assert statistics.p99_seconds is not None
            assert statistics.p99_seconds > before  # the call that was given up counts

    run(script, story)


def test_calls_that_hang_in_every_place_are_made_again_though_second_ones_wait_for_a_place() -> None:
    def script(request: JudgeRequest) -> Reply:
        return hang() if request.text in ("a", "b") and not request.repeated else Reply("yes")

    async def story(judge: ScriptedJudge) -> None:
        timeouts = {"callSeconds": 0.5, "totalSeconds": 20}
        settings = judging(judge.base_url, hedgeAfter=95, concurrency=2, timeouts=timeouts)
        async with calling(settings) as client:
            for number in range(20):
                await ask(client, settings, str(number))
            answers = await asyncio.gather(*(ask(client, settings, text) for text in "abcd"))
            assert {answer.text for answer in answers} == {"yes"}
            assert client.statistics().models[0].failures["timeout"] >= 2

    run(script, story)


def test_a_question_waits_while_the_endpoint_is_left_alone_and_one_call_tries_it_again() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url, circuitBreaker=BREAKER, retries={"attempts": 4}), FakeTime()
        async with calling(settings, clock.timing) as client:
            assert (await ask(client, settings)).text == "yes"
            assert client.statistics().models[0].state == "closed"
        assert clock.slept[-1] + sum(clock.slept[:-1]) > 10

    assert run(in_turn(*[refusal(500)] * 3, Reply("yes")), story).count == 4


def test_a_question_whose_deadline_comes_first_does_not_wait_for_the_endpoint() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url, circuitBreaker=BREAKER), FakeTime()
        async with calling(settings, clock.timing) as client:
            assert (await refused(client, settings)).reason == "overloaded"
            failure = await refused(client, settings, deadline=9.0)
            assert failure.reason == "circuitOpen"
            assert "left alone for a while, because it answers 500 Internal Server Error" in str(failure)
            statistics = client.statistics().models[0]
            assert (statistics.state, statistics.calls, statistics.failures) == (
                "open",
                3,
                {"overloaded": 3, "circuitOpen": 1},
            )

    assert run(in_turn(refusal(500)), story).count == 3


def test_an_address_that_never_answered_is_waited_for_once() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url, circuitBreaker=BREAKER, retries=NINE), FakeTime()
        async with calling(settings, clock.timing) as client:
            failure = await refused(client, settings, "a")
            assert (failure.reason, judge.count) == ("circuitOpen", 4)
            assert 10 < clock.now < 11
            assert (await refused(client, settings, "b")).reason == "circuitOpen"
            assert (judge.count, clock.now < 11) == (4, True)
            clock.now += 10
            assert (await ask(client, settings, "c")).text == "yes"
            judge.script = in_turn(refusal(500))
            answered = clock.now
            assert (await refused(client, settings, "d")).reason == "overloaded"
            assert (judge.count, clock.now - answered > 60) == (14, True)

    run(in_turn(*[refusal(500)] * 4, Reply("yes")), story)


def test_an_outage_in_the_middle_costs_time_and_no_answer() -> None:
    async def story(judge: ScriptedJudge) -> None:
        breaker = {"failures": 5, "openSeconds": 0.2}
        settings = judging(judge.base_url, circuitBreaker=breaker, concurrency=16, retries={"attempts": 4})
        async with calling(settings) as client:
            answers = await asyncio.gather(*(ask(client, settings, str(number)) for number in range(300)))
        assert {answer.text for answer in answers} == {"yes"}

    judge = run(lambda request: refusal(503) if 100 <= request.number < 130 else Reply("yes", latency=0.005), story)
    assert judge.count <= 330


def test_questions_that_wait_for_an_endpoint_leave_the_calls_in_flight_to_others() -> None:
    async def story(judge: ScriptedJudge) -> None:
        models = {
            "small": {"model": "small", "baseUrl": NOBODY},
            "large": {"model": "large", "baseUrl": judge.base_url},
        }
        breaker = {"failures": 1, "openSeconds": 60}
        settings = judging(models=models, concurrency=1, circuitBreaker=breaker)
        async with calling(settings) as client:
            waiting = [asyncio.ensure_future(ask(client, settings, str(number))) for number in range(3)]
            while client.statistics().models[0].state == "closed":
                await asyncio.sleep(0.001)
            assert (await ask_large(client, settings)).text == "yes"
            for question in waiting:
                question.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    run(in_turn(Reply("yes")), story)


@pytest.mark.parametrize(("elsewhere", "state"), [(False, "open"), (True, "closed")])
def test_models_at_one_address_share_its_circuit_breaker(elsewhere: bool, state: str) -> None:
    async def story(judge: ScriptedJudge) -> None:
        address = NOBODY if elsewhere else judge.base_url + "/"
        models = {
            "small": {"model": "small", "baseUrl": judge.base_url},
            "large": {"model": "large", "baseUrl": address},
        }
        settings, clock = judging(circuitBreaker=BREAKER, models=models), FakeTime()
        async with calling(settings, clock.timing) as client:
            await refused(client, settings)
            assert [model.state for model in client.statistics().models] == ["open", state]

    run(in_turn(refusal(500)), story)


def test_a_model_that_the_endpoint_does_not_know_leaves_the_other_alone() -> None:
    async def story(judge: ScriptedJudge) -> None:
        models = {name: {"model": name, "baseUrl": judge.base_url} for name in ("small", "large")}
        settings = judging(circuitBreaker={"failures": 1}, models=models)
        async with calling(settings) as client:
            assert [(await refused(client, settings, text)).reason for text in "ab"] == ["refused", "refused"]
            assert (await ask_large(client, settings)).text == "yes"

    run(lambda request: refusal(404) if request.model == "small" else Reply("yes"), story)


def test_calls_that_hang_until_the_deadline_open_the_circuit() -> None:
    async def story(judge: ScriptedJudge) -> None:
        timeouts = {"callSeconds": 60, "totalSeconds": 0.05}
        settings = judging(judge.base_url, circuitBreaker={"failures": 2}, timeouts=timeouts)
        async with calling(settings) as client:
            assert [(await refused(client, settings, text)).reason for text in "ab"] == ["deadline"] * 2
            while client.statistics().models[0].in_flight:
                await asyncio.sleep(0.001)
            statistics = client.statistics().models[0]
            assert (statistics.state, statistics.failures, statistics.answered, statistics.error_rate) == (
                "open",
                {"timeout": 2},
                0,
                1.0,
            )
            failure = await refused(client, settings, "c")
        assert failure.reason == "circuitOpen"
        assert re.search(r"gave no answer within \d\S* s\b", str(failure))

    run(in_turn(hang()), story)


def test_too_many_requests_do_not_open_the_circuit() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url, circuitBreaker={"failures": 1}), FakeTime()
        async with calling(settings, clock.timing) as client:
            assert (await ask(client, settings)).text == "yes"

    run(in_turn(refusal(429), refusal(429), Reply("yes")), story)


def test_calls_over_those_of_a_minute_wait_for_room() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings, clock = judging(judge.base_url, budget={"callsPerMinute": 2}), FakeTime()
        async with calling(settings, clock.timing) as client:
            answers = await asyncio.gather(*(ask(client, settings, text) for text in "abcde"))
            assert client.statistics().models[0].failures == {}
        assert [answer.text for answer in answers] == ["yes"] * 5
        assert 120 <= clock.now <= 122

    judge = run(in_turn(Reply("yes")), story)
    assert judge.count == 5


def test_whoever_waits_for_room_until_the_deadline_is_told_so() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, budget={"callsPerMinute": 1})
        async with calling(settings) as client:
            await ask(client, settings, "a")
            patient = asyncio.ensure_future(ask(client, settings, "b"))
            await asyncio.sleep(0.1)
            failure = await refused(client, settings, "c", deadline=time.monotonic() + 0.1)
            assert failure.reason == "deadline"
            assert "no answer before the deadline; it waits for room in budget.callsPerMinute" in str(failure)
            patient.cancel()
            await asyncio.gather(patient, return_exceptions=True)
            assert (await refused(client, settings, "d", deadline=time.monotonic() + 9)).reason == "overBudget"

    assert run(in_turn(Reply("yes")), story).count == 1


def test_a_second_call_does_not_wait_for_room() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, hedgeAfter=50, budget={"callsPerMinute": 21})
        async with calling(settings) as client:
            for number in range(20):
                await ask(client, settings, str(number))
            hedges = client.statistics().models[0].hedges
            assert (await ask(client, settings, "slow")).text == "yes"
            assert client.statistics().models[0].hedges == hedges

    run(lambda request: Reply("yes", latency=0.5 if request.text == "slow" else 0.0), story)


def test_a_call_that_the_circuit_breaker_stops_costs_nothing() -> None:
    async def story(judge: ScriptedJudge) -> None:
        once = {"concurrency": 1, "circuitBreaker": {"failures": 1, "openSeconds": 10}, "retries": {"attempts": 1}}
        settings, clock = judging(judge.base_url, budget={"callsPerMinute": 2}, **once), FakeTime()
        async with calling(settings, clock.timing) as client:
            failed, answered = await asyncio.gather(refused(client, settings, "a"), ask(client, settings, "b"))
        assert (failed.reason, answered.text) == ("overloaded", "yes")
        assert clock.now < 60

    assert run(in_turn(refusal(500), Reply("yes")), story).count == 2


def test_over_the_budget_nothing_is_asked() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, budget={"callsPerMinute": 2})
        async with calling(settings) as client:
            await asyncio.gather(*(ask(client, settings, text) for text in "ab"))
            failure = await refused(client, settings, "c", deadline=time.monotonic() + 30)
            assert (await ask(client, settings, "a")).cached
            statistics = client.statistics().models[0]
            assert (statistics.calls, statistics.failures, statistics.error_rate) == (2, {"overBudget": 1}, 0.0)
        assert failure.reason == "overBudget"
        assert "budget.callsPerMinute of 2 is used up" in str(failure)

    assert run(in_turn(Reply("yes")), story).count == 2


def test_tokens_are_counted_as_the_endpoint_counts_them() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, budget={"tokensPerHour": 100})
        async with calling(settings) as client:
            await ask(client, settings, "a")
            assert "budget.tokensPerHour of 100" in str(await refused(client, settings, "long " * 4))
            assert client.statistics().models[0].tokens == 98

    run(in_turn(Reply("yes", usage={"total_tokens": 98})), story)


def test_what_a_call_that_is_refused_late_gives_back_is_not_there_to_be_spent_twice() -> None:
    clock = FakeTime()

    def script(request: JudgeRequest) -> Reply:
        clock.now += 90
        return refusal(429) if "first" in request.text else Reply("yes", usage={"total_tokens": 10})

    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url, budget={"tokensPerHour": 10}, retries={"attempts": 1})
        async with calling(settings, clock.timing) as client:
            assert (await refused(client, settings, "first " * 6)).reason == "overloaded"
            await ask(client, settings, "other " * 6)
            clock.now = 3600 + 90
            assert (await refused(client, settings, "third " * 6)).reason == "overBudget"

    run(script, story)


def test_who_goes_away_takes_the_call_along() -> None:
    async def story(judge: ScriptedJudge) -> None:
        settings = judging(judge.base_url)
        async with calling(settings) as client:
            task = asyncio.ensure_future(ask(client, settings))
            while not judge.in_flight:
                await asyncio.sleep(0.001)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while judge.in_flight:
                await asyncio.sleep(0.001)
            statistics = client.statistics().models[0]
            assert (statistics.abandoned, statistics.answered, statistics.failures, statistics.error_rate) == (
                1,
                0,
                {},
                None,
            )
        assert judge.abandoned == 1

    run(in_turn(hang()), story)
