"""
All judges and verifiers of one configuration, at work on many items at once.

    ensemble = Ensemble(spec, client)
    results = await ensemble.score(items)

One prompt after the other is prepared and put to all judges, as fast as calls can be in flight; the client limits
those. One bad item never spoils another.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.item import Item, by_prompt
from atlas_rewards.judges.aggregate import aggregate
from atlas_rewards.judges.checks import CheckResult, Checks
from atlas_rewards.judges.prompt import Case, VisibleParts, cases, visible_parts
from atlas_rewards.judges.revision import revision_of
from atlas_rewards.judges.runner import JudgeRunner, ModelClient
from atlas_rewards.llm.fair_semaphore import FairSemaphore
from atlas_rewards.thoughts import without_thoughts
from atlas_rewards.verifiers.weighted_mean import Scorer

_PendingVerdict = tuple[asyncio.Future[list[JudgeResult]], int]
"""A case that is being decided, and which of its candidates is meant."""


class Ensemble:
    """Scores items by all judges and verifiers. Belongs to the event loop of its client.

    Any number of `score` may run at the same time.
    """

    def __init__(self, spec: RewardServiceSpec, client: ModelClient, verifiers: Scorer | None = None) -> None:
        self._spec = spec
        self._client = client
        self._checks = Checks(spec, verifiers)
        self._places = FairSemaphore(spec.concurrency)
        self.revision = revision_of(spec)

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order. Judges in group mode compare the items that share a prompt, a reference
        and principles. No item waits longer than `timeouts.totalSeconds`.
        """
        started = time.monotonic()
        deadline = started + self._spec.timeouts.total_seconds
        runner = JudgeRunner(self._client, self._spec, deadline)
        results: dict[int, asyncio.Task[ItemResult]] = {}
        async with asyncio.TaskGroup() as tasks:
            for indexes in by_prompt(items):
                checks = [tasks.create_task(self._checks.run(items[index], deadline)) for index in indexes]
                shown = [visible_parts(without_thoughts(items[index], self._spec.answer)) for index in indexes]
                verdicts = await self._begin(tasks, runner, shown)
                for index, check, of_item in zip(indexes, checks, verdicts, strict=True):
                    results[index] = tasks.create_task(self._result(check, of_item, started))
        return [results[index].result() for index in range(len(items))]

    async def _begin(
        self, tasks: asyncio.TaskGroup, runner: JudgeRunner, items: Sequence[VisibleParts]
    ) -> list[list[_PendingVerdict]]:
        """Pending verdicts about each of *items*: one a judge, in the order of the judges."""
        verdicts: list[list[_PendingVerdict]] = [[] for _ in items]
        for judge in self._spec.judges:
            for case in cases(judge, items):
                verdict = await self._begin_case(tasks, runner, judge.name, case)
                for place, candidate in enumerate(case.candidates):
                    for index in candidate.members:
                        verdicts[index].append((verdict, place))
        return verdicts

    async def _begin_case(
        self, tasks: asyncio.TaskGroup, runner: JudgeRunner, name: str, case: Case
    ) -> asyncio.Future[list[JudgeResult]]:
        """Begin to decide *case* once there is a place for it."""
        if await self._places.acquire(runner.deadline):
            task = tasks.create_task(runner.run(name, case))
            task.add_done_callback(lambda _: self._places.release())
            return task
        late: asyncio.Future[list[JudgeResult]] = asyncio.get_running_loop().create_future()
        late.set_result(runner.not_run(name, case))
        return late

    async def _result(
        self, check: asyncio.Task[CheckResult], verdicts: Sequence[_PendingVerdict], started: float
    ) -> ItemResult:
        checks = await check
        judges = [(await verdict)[place] for verdict, place in verdicts]
        result = aggregate(self._spec, judges, checks.verified, checks.caps, checks.caps_unknown)
        return replace(result, revision=self.revision, seconds=time.monotonic() - started)
