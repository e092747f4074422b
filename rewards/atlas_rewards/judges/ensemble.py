"""
All judges and verifiers of one configuration, at work on many items at once.

    ensemble = Ensemble(spec, caller)
    results = await ensemble.score(items)

Called by the library's `RewardService` and by the HTTP service. One prompt after the other is prepared and put to all
judges, as fast as calls can be in flight; the caller limits those. One bad item never spoils another.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.item import Item, by_prompt
from atlas_rewards.judges.aggregate import combine
from atlas_rewards.judges.checks import Checked, Checks
from atlas_rewards.judges.prompt import Case, Shown, cases, shown
from atlas_rewards.judges.revision import revision_of
from atlas_rewards.judges.runner import Asks, Hearing
from atlas_rewards.llm.fair_semaphore import FairSemaphore
from atlas_rewards.verifiers.weighted_mean import Scorer

_Heard = tuple[asyncio.Future[list[JudgeResult]], int]
"""A case that is being heard, and which of its candidates is meant."""


class Ensemble:
    """Scores items. Belongs to the event loop of its caller; any number of `score` may run at the same time."""

    def __init__(self, spec: RewardServiceSpec, caller: Asks, verifiers: Scorer | None = None) -> None:
        self._spec = spec
        self._caller = caller
        self._checks = Checks(spec, verifiers)
        self._places = FairSemaphore(spec.concurrency)
        self.revision = revision_of(spec)

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order. Judges in group mode compare the items that share a prompt, a reference
        and principles. No item waits longer than `timeouts.totalSeconds`.
        """
        started = time.monotonic()
        deadline = started + self._spec.timeouts.total_seconds
        hearing = Hearing(self._caller, self._spec, deadline)
        results: dict[int, asyncio.Task[ItemResult]] = {}
        async with asyncio.TaskGroup() as tasks:
            for indexes in by_prompt(items):
                checks = [tasks.create_task(self._checks.of(items[index], deadline)) for index in indexes]
                heard = await self._begin(tasks, hearing, [shown(items[index]) for index in indexes])
                for index, check, of_item in zip(indexes, checks, heard, strict=True):
                    results[index] = tasks.create_task(self._result(check, of_item, started))
        return [results[index].result() for index in range(len(items))]

    async def _begin(self, tasks: asyncio.TaskGroup, hearing: Hearing, items: Sequence[Shown]) -> list[list[_Heard]]:
        """What is being heard about each of *items*: one a judge, in the order of the judges."""
        heard: list[list[_Heard]] = [[] for _ in items]
        for judge in self._spec.judges:
            for case in cases(judge, items):
                verdict = await self._in_turn(tasks, hearing, judge.name, case)
                for place, candidate in enumerate(case.candidates):
                    for index in candidate.members:
                        heard[index].append((verdict, place))
        return heard

    async def _in_turn(
        self, tasks: asyncio.TaskGroup, hearing: Hearing, name: str, case: Case
    ) -> asyncio.Future[list[JudgeResult]]:
        """Begin to hear *case* when it may be."""
        if await self._places.acquire(hearing.deadline):
            task = tasks.create_task(hearing.hear(name, case))
            task.add_done_callback(lambda _: self._places.release())
            return task
        unheard: asyncio.Future[list[JudgeResult]] = asyncio.get_running_loop().create_future()
        unheard.set_result(hearing.unheard(name, case))
        return unheard

    async def _result(self, check: asyncio.Task[Checked], heard: Sequence[_Heard], started: float) -> ItemResult:
        checked = await check
        judges = [(await verdict)[place] for verdict, place in heard]
        result = combine(self._spec, judges, checked.verified, checked.caught, checked.unknown)
        return replace(result, revision=self.revision, seconds=time.monotonic() - started)
