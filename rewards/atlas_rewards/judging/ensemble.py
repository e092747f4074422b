"""
All judges and verifiers of one configuration, at work on many items at once.

    ensemble = Ensemble(spec, caller)
    results = await ensemble.score(items)

Called by the library's `RewardService` and by the HTTP service. Every question is put at once; the caller limits how
many are in flight. One bad item never spoils another.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from atlas_api.rewardservice import RewardServiceSpec
from atlas_rewards.item import Item
from atlas_rewards.judging.checks import Checked, Checks
from atlas_rewards.judging.combine import combine
from atlas_rewards.judging.hearing import Asks, Hearing
from atlas_rewards.judging.prompt import cases, shown
from atlas_rewards.judging.revision import revision_of
from atlas_rewards.result import ItemResult, JudgeResult
from atlas_rewards.scoring import Scorer

_Heard = tuple[asyncio.Task[list[JudgeResult]], int]
"""A case that is being heard, and which of its candidates is meant."""


class Ensemble:
    """Scores items. Belongs to the event loop of its caller; any number of `score` may run at the same time."""

    def __init__(self, spec: RewardServiceSpec, caller: Asks, verifiers: Scorer | None = None) -> None:
        self._spec = spec
        self._caller = caller
        self._checks = Checks(spec, verifiers)
        self.revision = revision_of(spec)

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        """One result an item, in their order. Judges in group mode compare the items that share a prompt, a reference
        and principles. No item waits longer than `timeouts.totalSeconds`.
        """
        started = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            deadline = started + self._spec.timeouts.total_seconds
            checks = [tasks.create_task(self._checks.of(item, deadline)) for item in items]
            hearings = self._start_hearings(tasks, items, started)
            results = [
                tasks.create_task(self._result(check, heard, started))
                for check, heard in zip(checks, hearings, strict=True)
            ]
        return [result.result() for result in results]

    def _start_hearings(self, tasks: asyncio.TaskGroup, items: Sequence[Item], started: float) -> list[list[_Heard]]:
        """What is being heard about each item: one a judge, in the order of the judges."""
        hearing = Hearing(self._caller, self._spec, started + self._spec.timeouts.total_seconds)
        heard: list[list[_Heard]] = [[] for _ in items]
        material = [shown(item) for item in items]
        for judge in self._spec.judges:
            for case in cases(judge, material):
                task = tasks.create_task(hearing.hear(judge.name, case))
                for place, candidate in enumerate(case.candidates):
                    for index in candidate.members:
                        heard[index].append((task, place))
        return heard

    async def _result(self, check: asyncio.Task[Checked], heard: Sequence[_Heard], started: float) -> ItemResult:
        checked = await check
        judges = [(await task)[place] for task, place in heard]
        result = combine(self._spec, judges, checked.verified, checked.caught)
        if checked.unknown is not None:
            result = replace(result, score=None, reasons=(*result.reasons, checked.unknown))
        return replace(result, revision=self.revision, seconds=time.monotonic() - started)
