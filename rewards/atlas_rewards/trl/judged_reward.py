"""
The reward as TRL wants it: one awaited call a batch, columns as lists, a float or None a completion.

Given to `GRPOTrainer(reward_funcs=[...])`, by TRL's users and by `atlas_trainer`, whose evaluation scores with it too.
TRL runs all asynchronous reward functions at the same time. Needs neither torch nor TRL.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, Protocol

from atlas_api.scoring import ItemResult
from atlas_rewards.background_loop import BackgroundLoop
from atlas_rewards.causes import conflicting, refused, unanswered
from atlas_rewards.item import Item
from atlas_rewards.trl.columns import Text, items_of, means


class ItemScorer(Protocol):
    """A `RewardScorer` in this process, a client of a service elsewhere, or the reward of a training."""

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order."""
        ...

    async def check(self) -> None:
        """Raise JudgeRefused where judges refuse to be asked at all."""

    async def close(self) -> None:
        """Let go of what this event loop has opened."""


class JudgedReward:
    """A reward function. Judges in group mode compare the completions of a prompt.

    All scoring runs in an event loop of its own: TRL's batches and evaluations share connections, limits and answers.
    """

    __name__ = "judges"

    def __init__(self, scorer: ItemScorer) -> None:
        self._scorer = scorer
        self._loop = BackgroundLoop(self, scorer.close)
        self.revisions: tuple[str, ...] = ()
        """Revisions of the configurations that scored the newest batch, sorted; several while a service changes."""
        self.conflicting: tuple[bool, ...] = ()
        """Flags of the newest batch, one a completion: no score, because judges contradicted themselves."""

        self.trouble = ""
        """Why the newest completion without a score that judges could not answer about has none, in their words."""

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

        Logs the mean of each judge and verifier as `rewards/NAME`, the share without a score as `unscored_share`, the
        share without one because judges could not answer as `unanswered_share`, of these the share that an endpoint
        refused as `refused_share`, and, where there are any, the share of completions about which a judge gave
        different verdicts in one reply as `conflicting_share`.
        Raises what a service raises when it stays away.
        """
        results = await self._loop.awaited(self._scorer.score(items_of(prompts, completions, columns)))
        self.revisions = revisions_of(results)
        self.conflicting = tuple(map(conflicting, results))
        self.trouble = next(("; ".join(each.reasons) for each in results if unanswered(each)), self.trouble)
        if log_metric is not None:
            for name, value in _metrics(results).items():
                log_metric(name, value)
        return [result.score for result in results]

    def score_sync(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order, for callers without an event loop. Raises as the awaited call does."""
        return self._loop.run(self._scorer.score(items))

    def check(self) -> None:
        """Raise `JudgeRefused` where judges refuse to be asked at all, before anything is scored."""
        self._loop.run(self._scorer.check())

    def close(self) -> None:
        """Let go of the scorer. Left out, that happens when the program ends."""
        self._loop.stop()


def revisions_of(results: Sequence[ItemResult]) -> tuple[str, ...]:
    """The revisions that *results* were scored with, sorted. Verifiers of a training have none."""
    return tuple(sorted({result.revision for result in results} - {""}))


def _metrics(results: Sequence[ItemResult]) -> dict[str, float]:
    if not results:
        return {}
    parts = means([result.parts for result in results])
    shares = {
        "unscored_share": fmean(result.score is None for result in results),
        "unanswered_share": fmean(unanswered(result) for result in results),
        "refused_share": fmean(unanswered(result) and refused(result) for result in results),
    }
    if conflicts := fmean(any(judge.conflicts for judge in result.judges) for result in results):
        shares["conflicting_share"] = conflicts
    return {f"rewards/{name}": mean for name, mean in parts.items()} | shares
