"""The reward function of GRPO, without TRL."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from support.trainer.chat_templates import OPENED_REASONING, make_tokenizer

from atlas_rewards import Item, ItemResult, JudgeResult
from atlas_rewards.thoughts import answer_of
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.algorithms.grpo_reward import GrpoReward, floored, varied_share
from atlas_trainer.dataset.completions import CompletionReader
from atlas_trainer.distributed.process_group import ProcessGroup


class Service:
    """A service that scores an answer with the number that it is, by two revisions."""

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        return [
            ItemResult(float(item.completion), revision="new" if index else "old") for index, item in enumerate(items)
        ]

    async def check(self) -> None:
        """Refuse nobody."""

    async def close(self) -> None:
        """Close nothing: nothing is open."""


class Two(ProcessGroup):
    """The first of two processes; the other has the same rewards, scored by a third revision."""

    def gather(self, value: Any) -> list[Any]:
        rewards, _ = value
        return [value, (rewards, ("newest",))]


def scored(function: GrpoReward, log: Callable[[str, float], None], *answers: str) -> list[float | None]:
    return asyncio.run(function(["p"] * len(answers), answers, log_metric=log, completion_ids=[], reference=[None] * 9))


def test_trl_awaits_it() -> None:
    assert inspect.iscoroutinefunction(GrpoReward.__call__)


def test_it_scores_and_says_whether_groups_differ_and_who_scored() -> None:
    logged: dict[str, float] = {}
    with closing(JudgedReward(Service())) as reward:
        function = GrpoReward(reward, 2, ProcessGroup())
        assert scored(function, logged.__setitem__, "0.5", "0.5", "0.25", "0.5") == [0.5, 0.5, 0.25, 0.5]
    assert logged["varied_groups"] == 0.5
    assert function.revisions == ("new", "old")


def test_what_other_processes_saw_counts() -> None:
    logged: dict[str, float] = {}
    with closing(JudgedReward(Service())) as reward:
        function = GrpoReward(reward, 4, Two())
        assert scored(function, logged.__setitem__, "0.25", "0.5") == [0.25, 0.5]
    assert logged["varied_groups"] == 1.0
    assert function.revisions == ("new", "newest", "old")


@pytest.mark.parametrize(
    ("rewards", "share"), [([0.1, 0.1, 0.1, 0.2], 0.5), ([None, 0.1, None, None], 0.0), ([0.1, 0.2, 0.2, 0.1], 1.0)]
)
def test_a_group_varies_when_it_holds_two_different_known_rewards(rewards: list[float | None], share: float) -> None:
    assert varied_share(rewards, 2) == share


class Judges:
    """A service whose judge contradicts itself about `conflict`, is away for `away`, and else gives the number."""

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        return [self._result(item.completion) for item in items]

    def _result(self, said: str) -> ItemResult:
        causes = {"conflict": ("conflict",), "away": ("timeout",), "both": ("conflict", "timeout")}
        if said not in causes:
            return ItemResult(float(said))
        return ItemResult(None, (JudgeResult("j", None, causes=causes[said], conflicts=said != "away"),))

    async def check(self) -> None:
        """Refuse nobody."""

    async def close(self) -> None:
        """Close nothing: nothing is open."""


@pytest.mark.parametrize(("floor", "rewards"), [(False, [0.5, 0.25, None]), (True, [0.5, 0.25, 0.25])])
def test_judges_that_contradict_themselves_leave_out_or_give_the_lowest_reward_of_the_group(
    floor: bool, rewards: list[float | None]
) -> None:
    logged: dict[str, float] = {}
    with closing(JudgedReward(Judges())) as reward:
        function = GrpoReward(reward, 3, ProcessGroup(), floor=floor)
        answers = ("0.5", "0.25", "conflict", "away", "both", "0.75")
        assert scored(function, logged.__setitem__, *answers) == [*rewards, None, None, 0.75]
    assert logged["conflicting_share"] == pytest.approx(2 / 6)
    assert logged["unscored_share"] == 0.5


@pytest.mark.parametrize(
    ("rewards", "conflicting", "whole", "begin", "expected"),
    [
        ([None, 0.5], [True, False], [0.25, 0.75, None, 0.5], 2, [0.25, 0.5]),
        ([None, None], [True, True], [None, None, 0.1, 0.2], 0, [0.1, 0.1]),
        ([None] * 4, [True] * 4, [None] * 4, 0, [None] * 4),
        ([None, 0.1, 0.2, 0.3], [], [None, 0.1, 0.2, 0.3], 0, [None, 0.1, 0.2, 0.3]),
    ],
    ids=["a group in two processes", "two in one group", "a group without rewards", "nothing to floor"],
)
def test_the_floor_is_the_lowest_known_reward_of_the_whole_group(
    rewards: list[float | None],
    conflicting: list[bool],
    whole: list[float | None],
    begin: int,
    expected: list[float | None],
) -> None:
    assert floored(rewards, conflicting, whole, begin, 4) == expected


def test_what_is_scored_are_the_tokens_that_were_generated_with_the_thought_that_the_prompt_began() -> None:
    tokenizer = make_tokenizer(OPENED_REASONING)
    seen: list[str] = []

    class Remembers(Service):
        async def score(self, items: Sequence[Item]) -> list[ItemResult]:
            seen.extend(item.completion for item in items)
            return [ItemResult(0.5)] * len(items)

    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("a</think>42<|im_end|>", "a and")]
    with closing(JudgedReward(Remembers())) as reward:
        function = GrpoReward(reward, 2, ProcessGroup(), reader=CompletionReader(tokenizer))
        texts = [[{"role": "assistant", "content": "what TRL read"}]] * 2
        asyncio.run(function(["p"] * 2, texts, ids, log_metric=lambda *_: None))
    assert [answer_of(text) for text in seen] == ["42", None]


@pytest.mark.parametrize(("cut_scores", "rewards"), [(False, [0.5, 0.0, 0.0]), (True, [0.5, 0.5, 0.5])])
def test_what_was_cut_at_the_token_limit_is_no_answer_unless_the_recipe_says_so(
    cut_scores: bool, rewards: list[float]
) -> None:
    tokenizer = make_tokenizer()

    class Pleased(Service):
        async def score(self, items: Sequence[Item]) -> list[ItemResult]:
            return [ItemResult(0.5)] * len(items)

    ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in ("done<|im_end|>", "it goes on and", "")]
    with closing(JudgedReward(Pleased())) as reward:
        reader = CompletionReader(tokenizer)
        function = GrpoReward(reward, 3, ProcessGroup(), reader=reader, cut_scores=cut_scores)
        assert asyncio.run(function(["p"] * 3, ["", "", ""], ids, log_metric=lambda *_: None)) == rewards
