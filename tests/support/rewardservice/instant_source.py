"""A stand-in for judges: scores at once, in the service's own process, from the completion alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.item import Item
from atlas_rewards.judges.revision import revision_of
from atlas_rewards.llm.cache import CacheStatistics
from atlas_rewards.llm.client import LLMStatistics, ProcessState
from atlas_rewards.server.score_source import OpenScoreSource, ScoreSource

POISON = "poison"
"""A completion that the stand-in cannot score: it raises, with all of its batch."""


@dataclass
class InstantSource:
    """Each judge gives the length of the completion in thousands."""

    spec: RewardServiceSpec
    gate: asyncio.Event | asyncio.Barrier | None = None
    """When there is one, results wait for it."""

    revision: str = field(init=False)

    def __post_init__(self) -> None:
        self.revision = revision_of(self.spec)

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        if any(item.completion == POISON for item in items):
            raise ExceptionGroup("all together", [ValueError(f"cannot score {POISON}")])
        if self.gate is not None:
            await self.gate.wait()
        return [self._result(item) for item in items]

    def statistics(self) -> LLMStatistics:
        return LLMStatistics((), CacheStatistics(0, 0, 0), 0)

    def _result(self, item: Item) -> ItemResult:
        score = min(1.0, len(item.completion) / 1000)
        judges = tuple(JudgeResult(judge.name, score, rationale="By length.") for judge in self.spec.judges)
        return ItemResult(score, judges, revision=self.revision)


@asynccontextmanager
async def instant_source(spec: RewardServiceSpec, _: ProcessState) -> AsyncIterator[ScoreSource]:
    yield InstantSource(spec)


def meeting_source(parties: int) -> OpenScoreSource:
    """A source that gives results only when so many are wanted at the same time."""

    @asynccontextmanager
    async def opening(spec: RewardServiceSpec, _: ProcessState) -> AsyncIterator[ScoreSource]:
        yield InstantSource(spec, asyncio.Barrier(parties))

    return opening


def gated_source(gate: asyncio.Event, closed: list[str]) -> OpenScoreSource:
    """A source that waits for *gate*; *closed* gets the revision of each that has been closed."""

    @asynccontextmanager
    async def opening(spec: RewardServiceSpec, _: ProcessState) -> AsyncIterator[ScoreSource]:
        source = InstantSource(spec, gate)
        yield source
        closed.append(source.revision)

    return opening
