"""
The reward of a training as TRL wants it: one call a batch, columns as lists, a float or None a completion.

Given to `GRPOTrainer(reward_funcs=[...])` by `atlas_trainer`. Needs neither torch nor TRL.
"""

from collections.abc import Callable, Sequence
from typing import Any

from atlas_rewards.training_reward import TrainingReward
from atlas_rewards.trl_items import Text, items_of, means


class TrlReward:
    """A reward function."""

    __name__ = "reward"

    def __init__(self, reward: TrainingReward) -> None:
        self._reward = reward

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One number from 0 to 1 a completion, or None where nobody could say. Logs the mean of each part."""
        scores = self._reward.score(items_of(prompts, completions, columns))
        if log_metric is not None:
            for name, mean in means([score.parts for score in scores]).items():
                log_metric(f"rewards/{name}", mean)
        return [score.value for score in scores]
