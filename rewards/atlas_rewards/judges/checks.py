"""
What verifiers and anti-gaming say of an item, in threads: a long text may keep them busy for seconds, a user's verifier
for ever. Called by the ensemble.
"""

import asyncio
from dataclasses import dataclass

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.item import Item, conversation
from atlas_rewards.judges.aggregate import NO_VERIFIERS
from atlas_rewards.safety.reward_hacking import caught_by
from atlas_rewards.verifiers.threads import CheckLost, CheckThreads
from atlas_rewards.verifiers.weighted_mean import Score, Scorer

CAPS_UNKNOWN = "antiGaming: "
"""Begins the reason of an item without a score because nobody knows whether a cap applies. No name is in camel case."""

_AT_ONCE_CHARACTERS = 10_000
"""Anti-gaming has read shorter texts before another thread would have begun."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Of one item."""

    verified: Score
    caught: tuple[str, ...] = ()
    """By anti-gaming."""

    unknown: str | None = None
    """Why it is not known whether anti-gaming catches the item; then it has no score."""


class Checks:
    """Of one configuration. Belongs to one event loop."""

    def __init__(self, spec: RewardServiceSpec, verifiers: Scorer | None) -> None:
        self._spec = spec
        self._verifiers = verifiers
        # Not the loop's own threads, which others need too; and a user's verifier takes none from anti-gaming.
        self._for_verifiers, self._for_anti_gaming = CheckThreads(), CheckThreads()

    async def of(self, item: Item, deadline: float) -> Checked:
        """All of it, at *deadline* at the latest, a moment of `time.monotonic`."""
        verified, (caught, unknown) = await asyncio.gather(self._verified(item, deadline), self._caught(item, deadline))
        return Checked(verified, caught, unknown)

    async def _verified(self, item: Item, deadline: float) -> Score:
        scorer = self._verifiers
        if scorer is None:
            return NO_VERIFIERS
        try:
            return await self._for_verifiers.run(lambda: scorer.score(item), deadline)
        except CheckLost as lost:
            reasons = {verifier.name: str(lost) for verifier in self._spec.verifiers}
            return Score(None, dict.fromkeys(reasons), reasons)

    async def _caught(self, item: Item, deadline: float) -> tuple[tuple[str, ...], str | None]:
        rules = self._spec.anti_gaming
        if not rules.enabled:
            return (), None
        if len(item.completion) + len(conversation(item.prompt)) + len(item.reference or "") < _AT_ONCE_CHARACTERS:
            return caught_by(item, rules), None
        try:
            return await self._for_anti_gaming.run(lambda: caught_by(item, rules), deadline), None
        except CheckLost as lost:
            return (), f"{CAPS_UNKNOWN}{lost}"
