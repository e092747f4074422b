"""
The reward function that GRPO's trainer awaits for the rollouts of a batch, one in each process.

Besides rewards it gives the share of groups that have anything to tell apart, and the revisions of the judges that
scored. Knows nothing of models.
"""

from collections.abc import Callable, Sequence
from typing import Any

from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.dataset.completions import CompletionReader
from atlas_trainer.distributed.process_group import ProcessGroup


class GrpoReward:
    """A reward function. A group may lie across two processes, so its share is computed from the rewards of all."""

    __name__ = "reward"

    def __init__(
        self,
        reward: JudgedReward,
        group_size: int,
        process_group: ProcessGroup,
        *,
        reader: CompletionReader | None = None,
        floor: bool = False,
        cut_scores: bool = False,
    ) -> None:
        """*reader* reads the tokens of completions, so that training and evaluation score the same texts; left out,
        TRL's texts are scored. *floor*: a completion about which judges contradicted themselves gets the lowest reward
        of its group instead of none. *cut_scores*: one that was cut at the token limit gets the score of what there is
        instead of 0; needs *reader*.
        """
        self._reader = reader
        self._floor = floor
        self._cut_scores = cut_scores
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
        completion_ids: Sequence[Sequence[int]] = (),
        *,
        log_metric: Callable[[str, float], None],
        **columns: Any,
    ) -> list[float | None]:
        """Score like `JudgedReward`, and log `varied_groups`. All processes of the group must call it."""
        if self._reader is not None:
            completions = [self._reader.text(ids) for ids in completion_ids]
        rewards = await self._reward(prompts, completions, log_metric=log_metric, **columns)
        if self._reader is not None and not self._cut_scores:
            rewards = [
                reward if reward is None or self._reader.ended(ids) else 0.0
                for reward, ids in zip(rewards, completion_ids, strict=True)
            ]
        # This stops TRL's event loop until all processes are here: it has nothing else to do.
        everywhere = self._process_group.gather([rewards, self._reward.revisions])
        self.revisions = tuple(sorted({revision for _, revisions in everywhere for revision in revisions}))
        parts = [part for part, _ in everywhere]
        whole = [one for part in parts for one in part]
        # A floor is a reward that the group has already, so it varies no more than before.
        log_metric("varied_groups", varied_share(whole, self._group_size))
        if self._floor:
            begin = sum(map(len, parts[: self._process_group.rank]))
            rewards = floored(rewards, self._reward.conflicting, whole, begin, self._group_size)
        return rewards


def floored(
    rewards: Sequence[float | None],
    conflicting: Sequence[bool],
    whole: Sequence[float | None],
    begin: int,
    group_size: int,
) -> list[float | None]:
    """*rewards*, with the lowest known reward of its group for each one that is *conflicting*. *whole*: the rewards of
    all processes, those of this one from *begin* on. A group without any reward stays as it is.
    """
    filled = list(rewards)
    for place in (place for place, conflict in enumerate(conflicting) if conflict):
        start = (begin + place) // group_size * group_size
        known = [reward for reward in whole[start : start + group_size] if reward is not None]
        filled[place] = min(known, default=None)
    return filled


def varied_share(rewards: Sequence[float | None], group_size: int) -> float:
    """Share of groups, consecutive blocks of *group_size*, with two different rewards; unknown ones do not count."""
    groups = [rewards[start : start + group_size] for start in range(0, len(rewards), group_size)]
    return sum(len({reward for reward in group if reward is not None}) > 1 for group in groups) / len(groups)
