"""Readiness is found out by scoring, not too often, and never from memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from support.judges.ensembles import item_of, judge_answer, score_with_calls
from support.rewardservice.instant_source import InstantSource
from support.rewardservice.served import service_manifest

from atlas_api import parse
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec
from atlas_rewards.llm.client import ProcessState
from atlas_rewards.server.generation import Generation, Generations
from atlas_rewards.server.probe import UNKNOWN, Probe, probe_spec
from atlas_rewards.server.score_source import ScoreSource


def spec_of(**changes: Any) -> RewardServiceSpec:
    return parse(RewardService, service_manifest("http://127.0.0.1:9/v1", **changes)).spec


def test_the_probe_asks_each_judge_once_and_remembers_nothing() -> None:
    spec = spec_of(
        temperatures=[0.2, 0.5],
        cache={"path": "/tmp/x"},
        budget={"callsPerMinute": 1},
        verifiers=[{"name": "v", "numeric": {}}],
    )
    probed = probe_spec(spec)
    assert probed.temperatures == (0.2,)
    assert (probed.cache.entries, probed.cache.path, probed.budget.calls_per_minute) == (0, None, None)
    assert probed.verifiers == ()
    assert (probed.judges, probed.models, probed.quorum) == (spec.judges, spec.models, spec.quorum)


def test_a_probe_that_doubts_does_not_cost_a_call_of_the_large_model() -> None:
    models = {name: {"model": name, "baseUrl": "http://h/v1"} for name in ("small", "large")}
    probed = probe_spec(spec_of(models=models))
    (result,), calls = score_with_calls([item_of()], lambda _: judge_answer(0.5, uncertainty=1.0), probed)
    assert (result.score, [call.model for call in calls]) == (0.5, ["small"])
    (result,), calls = score_with_calls(
        [item_of()], lambda call: judge_answer(0.5) if call.model == "large" else "no idea", probed
    )
    assert (result.score, [call.model for call in calls]) == (0.5, ["small", "large"])


class Openings:
    """Counts how often judges were opened; they answer when *gate* is set."""

    def __init__(self) -> None:
        self.count = 0
        self.gate = asyncio.Event()

    @asynccontextmanager
    async def __call__(self, spec: RewardServiceSpec, state: ProcessState) -> AsyncIterator[ScoreSource]:
        self.count += 1
        yield InstantSource(spec, self.gate)


def closing(_: Generation) -> None:
    """Nobody wants to know."""


def test_many_questions_at_once_are_one_probe_and_its_outcome_holds() -> None:
    async def ask() -> None:
        openings = Openings()
        openings.gate.set()
        generations = Generations(openings, closing)
        await generations.begin(spec_of())
        probe = Probe(generations, openings)
        assert probe.problem == UNKNOWN
        assert set(await asyncio.gather(*(probe.readiness() for _ in range(20)))) == {""}
        assert await probe.readiness() == ""
        assert (probe.is_ready, openings.count) == (True, 2)
        await generations.close()

    asyncio.run(ask())


def test_a_new_configuration_is_probed_while_the_old_outcome_holds() -> None:
    async def ask() -> None:
        openings = Openings()
        openings.gate.set()
        generations = Generations(openings, closing)
        await generations.begin(spec_of())
        probe = Probe(generations, openings)
        await probe.readiness()
        openings.gate.clear()
        await generations.begin(spec_of(quorum=1, temperatures=[0.5]))
        assert await probe.readiness() == ""
        assert openings.count == 4
        await probe.close()
        openings.gate.set()
        await generations.close()

    asyncio.run(ask())
