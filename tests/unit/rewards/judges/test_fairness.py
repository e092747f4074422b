"""Cases are heard in turn: as many as calls can be in flight, and none beyond the deadline."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from support.judges.ensembles import item_of, judge_answer, spec_of

from atlas_api.rewardservice.judging import JudgeModel
from atlas_api.scoring import ItemResult
from atlas_rewards.item import Item
from atlas_rewards.judges.ensemble import Ensemble
from atlas_rewards.llm.answer import Answer, NoAnswer
from atlas_rewards.llm.fair_semaphore import FairSemaphore


class Slow:
    """A model that answers when `answers` is set, if that is before the deadline."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.questions: list[tuple[int, str]] = []
        """For each question the turn of the event loop in which it was put, and the material."""

        self.loop_turns = 0

    async def ask(
        self,
        model: JudgeModel,
        messages: Sequence[dict[str, str]],
        temperature: float,
        deadline: float | None = None,
        *,
        repetition: int = 0,
        usable: Callable[[str], bool] = lambda _: True,
    ) -> Answer:
        self.questions.append((self.loop_turns, messages[1]["content"]))
        assert deadline is not None
        try:
            await asyncio.wait_for(self.answers.wait(), deadline - time.monotonic())
        except TimeoutError:
            raise NoAnswer("deadline", "no answer before the deadline") from None
        return Answer(judge_answer(0.6), tokens=0, seconds=0.0, cached=False)

    async def count_loop_turns(self) -> None:
        while True:
            self.loop_turns += 1
            await asyncio.sleep(0)


def cases(count: int, name: str = "case") -> list[Item]:
    return [item_of("It is 42.", f"{name} {number}") for number in range(count)]


def ensemble(model: Slow, concurrency: int, **changes: Any) -> Ensemble:
    return Ensemble(spec_of("accuracy", large=False, concurrency=concurrency, **changes), model)


def run(story: Callable[[Slow], Awaitable[None]]) -> None:
    async def live() -> None:
        await asyncio.wait_for(story(Slow()), 30)

    asyncio.run(live())


async def settled(model: Slow) -> None:
    """Until nobody asks any more."""
    count = -1
    while count != len(model.questions):
        count = len(model.questions)
        for _ in range(20):
            await asyncio.sleep(0)


def test_a_few_cases_are_asked_about_before_the_next_ones_are_prepared() -> None:
    async def story(model: Slow) -> None:
        counting = asyncio.ensure_future(model.count_loop_turns())
        scoring = asyncio.ensure_future(ensemble(model, 1000).score(cases(50)))
        await settled(model)
        counting.cancel()
        model.answers.set()
        await scoring
        places = [turn for turn, _ in model.questions]
        assert places == sorted(places)
        assert max(Counter(places).values()) == 16 * 3

    run(story)


def test_no_more_cases_are_prepared_than_calls_can_be_in_flight() -> None:
    async def story(model: Slow) -> None:
        scoring = asyncio.ensure_future(ensemble(model, 2).score(cases(10)))
        await settled(model)
        assert len(model.questions) == 2 * 3
        model.answers.set()
        assert all(result.score == pytest.approx(0.6) for result in await scoring)
        assert len(model.questions) == 10 * 3

    run(story)


def test_whose_turn_never_comes_ends_at_the_deadline_and_says_so() -> None:
    async def story(model: Slow) -> None:
        results = await ensemble(model, 2, timeouts={"totalSeconds": 0.1}).score(cases(10))
        assert [result.score for result in results] == [None] * 10
        waited = [result for result in results if "waits for its turn" in " ".join(result.reasons)]
        assert len(waited) == 8
        assert waited[0].reasons[:2] == (
            "0 of 1 judges gave a verdict; the quorum is 1",
            "accuracy: no sample of 3 can be used: deadline: no model was asked before it; the case waits for its turn"
            " among the calls in flight",
        )
        assert {result.judges[0].causes for result in waited} == {("deadline",)}
        assert len(model.questions) == 2 * 3

    run(story)


def test_a_small_batch_does_not_wait_for_the_end_of_a_large_one() -> None:
    async def story(model: Slow) -> None:
        judges, ended = ensemble(model, 1), list[str]()

        async def score(name: str, count: int) -> list[ItemResult]:
            results = await judges.score(cases(count, name))
            ended.append(name)
            return results

        large = asyncio.ensure_future(score("large", 30))
        await settled(model)
        small = asyncio.ensure_future(score("small", 1))
        await settled(model)
        model.answers.set()
        await asyncio.gather(large, small)
        assert ended == ["small", "large"]

    run(story)


def test_a_batch_that_is_given_up_leaves_its_turns_to_others() -> None:
    async def story(model: Slow) -> None:
        judges = ensemble(model, 2)
        given_up = asyncio.ensure_future(judges.score(cases(10, "given up")))
        await settled(model)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        model.answers.set()
        results = await judges.score(cases(10, "wanted"))
        assert all(result.score is not None for result in results)

    run(story)


def test_a_ranking_whose_turn_never_comes_gives_none_of_its_candidates_a_score() -> None:
    async def story(model: Slow) -> None:
        judges = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]
        spec = spec_of(judges=judges, large=False, concurrency=1, timeouts={"totalSeconds": 0.1})
        items = [item_of(answer, prompt) for prompt in ("p", "q") for answer in ("a", "b")]
        results = await Ensemble(spec, model).score(items)
        assert ["waits for its turn" in " ".join(result.reasons) for result in results] == [False, False, True, True]

    run(story)


def test_a_turn_is_not_given_after_the_deadline_even_when_there_is_one() -> None:
    async def story(_: Slow) -> None:
        places = FairSemaphore(1)
        assert not await places.acquire(time.monotonic() - 1)
        assert await places.acquire(time.monotonic() + 10)

    run(story)
