"""Ends a long work early where judges are refused: a wrong key is wrong for the ten thousand items that follow, too."""

from collections.abc import Awaitable, Callable, Sequence

from atlas_api.scoring import ItemResult
from atlas_rewards.causes import refused


class Refusals:
    """Looks at results as they come. One item may be refused for itself; then models take another question."""

    def __init__(self, check: Callable[[], Awaitable[None]]) -> None:
        """*check* asks the models, as `RewardScorer.check` does."""
        self._check = check
        self._checked = False

    async def look(self, results: Sequence[ItemResult]) -> None:
        """Ask the models when *results* begin to be refused. Raises JudgeRefused where they refuse that, too."""
        if not any(map(refused, results)):
            self._checked = False
        elif not self._checked:
            self._checked = True
            await self._check()
