"""
Judges as TRL wants them: one awaited call a batch, a float or None a completion.

Given to `GRPOTrainer(reward_funcs=[...])`, which runs all asynchronous reward functions at the same time. Needs neither
torch nor TRL.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, Protocol

from atlas_rewards.item import Item
from atlas_rewards.result import ItemResult
from atlas_rewards.trl_items import Text, items_of


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
        if log_metric is not None:
            for name, value in means(results).items():
                log_metric(f"rewards/{name}", value)
        return [result.score for result in results]


def means(results: Sequence[ItemResult]) -> dict[str, float]:
    """Mean of each judge and verifier over the items that it could judge, and the share of items without a score."""
    scores: dict[str, list[float]] = {}
    for result in results:
        for name, score in _parts(result).items():
            scores.setdefault(name, []).extend([] if score is None else [score])
    known = {name: fmean(values) for name, values in scores.items() if values}
    return known | ({"unscored": fmean(result.score is None for result in results)} if results else {})


def _parts(result: ItemResult) -> Mapping[str, float | None]:
    return {judge.name: judge.score for judge in result.judges} | dict(result.verifiers)
