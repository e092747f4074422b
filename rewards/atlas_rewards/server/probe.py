"""
Whether the service can score: one item is really scored, by every judge, now and then.

`GET /readyz` asks. Each judge is called once, past the cache, without retries; the quorum decides. Doubts are nobody's
concern here: the large model is called only for a judge that got no verdict from the small one. An outcome holds for
half a minute, a bad one for three seconds.
"""

import asyncio
import logging
import time

from atlas_api.rewardservice.judging import AntiGaming
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult
from atlas_rewards.item import Item
from atlas_rewards.llm.client import ProcessState
from atlas_rewards.model_check import asked_once
from atlas_rewards.server.generation import Generation, Generations
from atlas_rewards.server.score_source import OpenScoreSource

GOOD_SECONDS = 30.0
BAD_SECONDS = 3.0
PATIENCE_SECONDS = 0.5
"""Seconds that an answer waits for a probe that is under way, where an earlier outcome is known."""

FIRST_SECONDS = 4.0
"""Seconds that an answer waits for the first probe."""

UNKNOWN = "the judges have not answered the first probe yet"

_ITEM = Item(completion="2 + 2 = 4.", reference="4", prompt=({"role": "user", "content": "What is 2 + 2?"},))
_log = logging.getLogger(__name__)


class Probe:
    """Asks the newest generation's judges whether they answer."""

    def __init__(self, generations: Generations, open_source: OpenScoreSource) -> None:
        self.problem = UNKNOWN
        """One line that everybody may read; empty when the quorum answered."""

        self.details = ""
        """The problem with the words of the endpoints, which may tell about keys and quotas."""

        self._generations = generations
        self._open = open_source
        self._probed = 0
        self._until = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the newest probe went well."""
        return not self.problem

    async def readiness(self) -> str:
        """What is wrong, in one line; empty when nothing is."""
        newest = self._generations.newest
        if self._task is None and (newest.number != self._probed or time.monotonic() >= self._until):
            self._task = asyncio.create_task(self._probe(newest))
        if self._task is not None:
            patience = PATIENCE_SECONDS if self._probed else FIRST_SECONDS
            await asyncio.wait({self._task}, timeout=patience)
        return self.problem

    async def close(self) -> None:
        """Stop a probe that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _probe(self, generation: Generation) -> None:
        try:
            problem, details = await self._problem_of(generation)
        except Exception as error:
            _log.exception("the probe failed")
            problem = details = f"the probe failed with {type(error).__name__}; see the log"
        finally:
            self._task = None
        if problem != self.problem:
            _log.log(logging.WARNING if problem else logging.INFO, "%s", details or "the judges answer the probe")
        self.problem, self.details, self._probed = problem, details, generation.number
        self._until = time.monotonic() + (BAD_SECONDS if problem else GOOD_SECONDS)

    async def _problem_of(self, generation: Generation) -> tuple[str, str]:
        """The problem for everybody, and with details."""
        async with self._open(probe_spec(generation.spec), ProcessState()) as source:
            (result,) = await source.score([_ITEM])
        generation.judges.record_probe(result)
        if result.score is not None:
            return "", ""
        problem = _in_own_words(result, generation.spec.quorum)
        return problem, "; ".join(result.reasons) or problem


def _in_own_words(result: ItemResult, quorum: int) -> str:
    silent = [judge for judge in result.judges if judge.score is None]
    verdicts = len(result.judges) - len(silent)
    kinds = [f"{judge.name}: {', '.join(judge.causes)}" for judge in silent]
    return "; ".join([f"{verdicts} of {len(result.judges)} judges gave a verdict; the quorum is {quorum}", *kinds])


def probe_spec(spec: RewardServiceSpec) -> RewardServiceSpec:
    """*spec* with each judge asked once, really, and nothing else that could give or take a score."""
    return asked_once(spec).model_copy(
        update={
            "temperatures": spec.temperatures[:1],
            "verifiers": (),
            "weights": {},
            "anti_gaming": AntiGaming(enabled=False),
            "escalation": spec.escalation.model_copy(update={"score_std": 1.0, "uncertainty": 1.0}),
        }
    )
