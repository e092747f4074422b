"""
The reward function that GRPO's trainer awaits for the rollouts of a batch, one in each process.

Besides rewards it gives the share of groups that have anything to tell apart, and the revisions of the judges that
scored. Knows nothing of models.
"""

from collections.abc import Callable, Sequence
from typing import Any

from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.distributed.process_group import ProcessGroup


class GrpoReward:
    """A reward function. A group may lie across two processes, so its share is computed from the rewards of all."""

    __name__ = "reward"

    def __init__(self, reward: JudgedReward, group_size: int, process_group: ProcessGroup) -> None:
        self._reward = reward
        self._group_size = group_size
        self._process_group = process_group
        self.revisions: tuple[str, ...] = ()
        """Revisions of the services that scored the newest batch, in any process; none without judges."""

    @property
    def trouble(self) -> str:
        """Why judges could not answer about the newest completion without a score, in their words."""
        return self._reward.trouble

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        log_metric: Callable[[str, float], None],
        **columns: Any,
    ) -> list[float | None]:
        """Score like `JudgedReward`, and log `varied_groups`. All processes of the group must call it."""
        rewards = await self._reward(prompts, completions, log_metric=log_metric, **columns)
        # This stops TRL's event loop until all processes are here: it has nothing else to do.
        everywhere = self._process_group.gather((rewards, self._reward.revisions))
        self.revisions = tuple(sorted({revision for _, revisions in everywhere for revision in revisions}))
        log_metric("varied_groups", varied_share([one for part, _ in everywhere for one in part], self._group_size))
        return rewards


def varied_share(rewards: Sequence[float | None], group_size: int) -> float:
    """Share of groups, consecutive blocks of *group_size*, with two different rewards; unknown ones do not count."""
    groups = [rewards[start : start + group_size] for start in range(0, len(rewards), group_size)]
    return sum(len({reward for reward in group if reward is not None}) > 1 for group in groups) / len(groups)
