"""
Judges as TRL wants them: one awaited call a batch, a float or None a completion.

Given to `GRPOTrainer(reward_funcs=[...])`, which runs all asynchronous reward functions at the same time. Needs neither
torch nor TRL.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, Protocol

from atlas_rewards.item import Item
from atlas_rewards.result import ItemResult
from atlas_rewards.trl_items import Text, items_of, means


class ScoresItems(Protocol):
    """A `RewardService` in this process, or a client of one elsewhere."""

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order."""
        ...


class JudgedReward:
    """A reward function. Judges in group mode compare the completions of a prompt."""

    __name__ = "judges"

    def __init__(self, service: ScoresItems) -> None:
        self._service = service

    async def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One number from 0 to 1 a completion, or None where there is no score: TRL leaves those out.

        Logs the mean of each judge and verifier as `rewards/NAME`, and the share without a score as
        `rewards/unscored`.
        """
        results = await self._service.score(items_of(prompts, completions, columns))
        if log_metric is not None and results:
            unscored = fmean(result.score is None for result in results)
            for name, value in {**means([result.parts for result in results]), "unscored": unscored}.items():
                log_metric(f"rewards/{name}", value)
        return [result.score for result in results]
