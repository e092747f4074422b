"""The reward function of GRPO, without TRL."""

import asyncio
import inspect
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest

from atlas_rewards import Item, ItemResult
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.algorithms.grpo_reward import GrpoReward, varied_share
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
