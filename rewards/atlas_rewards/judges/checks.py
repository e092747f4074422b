"""
Checks of an item beside its judges, in threads: verifiers and reward hacking. A long text may keep them busy for
seconds, a user's verifier for ever.
"""

import asyncio
from dataclasses import dataclass

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.item import Item, conversation
from atlas_rewards.judges.aggregate import NO_VERIFIERS
from atlas_rewards.safety.reward_hacking import detect_reward_hacking
from atlas_rewards.thoughts import without_thoughts
from atlas_rewards.verifiers.answer import answered
from atlas_rewards.verifiers.threads import CheckLost, CheckThreads
from atlas_rewards.verifiers.weighted_mean import Score, Scorer

CAPS_UNKNOWN = "antiGaming: "
"""Prefix of the reason where nobody knows whether a cap applies. No judge or verifier has a name in camel case."""

_AT_ONCE_CHARACTERS = 10_000
"""Characters below which reward hacking is looked for at once: another thread would begin later than that ends."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What verifiers and reward hacking checks say of one item."""

    verified: Score
    caps: tuple[str, ...] = ()
    """Names of the reward hacking checks that the item failed."""

    caps_unknown: str | None = None
    """Why nobody knows whether the item fails one; then it has no score."""


class Checks:
    """Runs the checks of one configuration. Belongs to one event loop."""

    def __init__(self, spec: RewardServiceSpec, verifiers: Scorer | None) -> None:
        self._spec = spec
        self._verifiers = verifiers
        # Not the loop's own threads, which others need too; and a user's verifier takes none from other checks.
        self._for_verifiers, self._for_reward_hacking = CheckThreads(), CheckThreads()

    async def run(self, item: Item, deadline: float) -> CheckResult:
        """All checks of *item*, done at *deadline* at the latest, a moment of `time.monotonic`."""
        verified, (caps, unknown) = await asyncio.gather(self._verify(item, deadline), self._detect(item, deadline))
        return CheckResult(verified, caps, unknown)

    async def _verify(self, item: Item, deadline: float) -> Score:
        scorer = self._verifiers
        if scorer is None:
            return NO_VERIFIERS
        try:
            return await self._for_verifiers.run(lambda: scorer.score(item), deadline)
        except CheckLost as lost:
            reasons = {verifier.name: str(lost) for verifier in self._spec.verifiers}
            return Score(None, dict.fromkeys(reasons), reasons)

    async def _detect(self, item: Item, deadline: float) -> tuple[tuple[str, ...], str | None]:
        rules = self._spec.anti_gaming
        if not rules.enabled:
            return (), None
        if len(item.completion) + len(conversation(item.prompt)) + len(item.reference or "") < _AT_ONCE_CHARACTERS:
            return self._found(item), None
        try:
            return await self._for_reward_hacking.run(lambda: self._found(item), deadline), None
        except CheckLost as lost:
            return (), f"{CAPS_UNKNOWN}{lost}"

    def _found(self, item: Item) -> tuple[str, ...]:
        said = without_thoughts(item, self._spec.answer)
        return detect_reward_hacking(said, self._spec.anti_gaming, answered(said, self._spec.answer))
