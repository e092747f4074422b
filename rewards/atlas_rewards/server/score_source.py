"""Where the server gets scores: `ScoreSource`, and the one that asks the library's `RewardScorer`."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from atlas_api.errors import InvalidManifest
from atlas_api.rewardservice.judging import Judging
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult
from atlas_rewards.item import Item
from atlas_rewards.llm.client import LLMClient, LLMStatistics, ProcessState, llm_client_for
from atlas_rewards.scorer import RewardScorer
from atlas_rewards.verifiers.threads import CheckLost, CheckThreads

LOADING_SECONDS = 300.0
"""Seconds that users' verifiers may take to be imported."""


class ScoreSource(Protocol):
    """Judges and verifiers of one configuration."""

    @property
    def revision(self) -> str:
        """Digest of the configuration."""
        ...

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in order."""
        ...

    def statistics(self) -> LLMStatistics:
        """Statistics of the calls of models so far."""
        ...


OpenScoreSource = Callable[[RewardServiceSpec, ProcessState], AbstractAsyncContextManager[ScoreSource]]
"""Opens a source, with what earlier ones have left. Raises AtlasError for what the configuration lacks."""


@dataclass(frozen=True)
class _Library:
    """The library's scorer, with what it asks models through."""

    scorer: RewardScorer
    client: LLMClient

    @property
    def revision(self) -> str:
        return self.scorer.revision

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        return await self.scorer.score(items)

    def statistics(self) -> LLMStatistics:
        return self.client.statistics()


@asynccontextmanager
async def open_score_source(spec: RewardServiceSpec, state: ProcessState) -> AsyncIterator[ScoreSource]:
    """The judges and verifiers of *spec*. Raises SourceMissing for a key that is not there, and InvalidManifest."""
    clients: list[LLMClient] = []

    def make_client(judging: Judging, revision: str) -> LLMClient:
        clients.append(llm_client_for(judging, revision, state=state))
        return clients[-1]

    # In a thread, because users' verifiers are imported, and requests are being answered meanwhile.
    try:
        scorer = await CheckThreads().run(lambda: RewardScorer(spec, make_client), time.monotonic() + LOADING_SECONDS)
    except CheckLost:
        raise InvalidManifest([f"spec.verifiers: are not imported within {LOADING_SECONDS:g} s"]) from None
    async with scorer:
        yield _Library(scorer, clients[0])
