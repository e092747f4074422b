"""
Client of language models: as reliable as they let it be.

    client = llm_client_for(judging, revision)
    answer = await client.ask(judging.models.small, messages, temperature=0.2)
    await client.close()

On its way a request meets, in this order: the answers in memory, an identical request in flight (single-flight), the
file of answers, the circuit breaker of the address, the limit of calls in flight, the rate limit, the model, with a
hedged request where it takes long; what failed is tried again.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from atlas_api.errors import InvalidManifest
from atlas_api.pods.contract import LARGE_JUDGE_KEY, SMALL_JUDGE_KEY
from atlas_api.rewardservice.judging import JudgeModel, Judging
from atlas_rewards.address import address_problem
from atlas_rewards.llm.answer import Answer, NoAnswer
from atlas_rewards.llm.cache import AnswerCache, CacheStatistics, Memory
from atlas_rewards.llm.chat_completion import CallFailed, Completion
from atlas_rewards.llm.circuit_breaker import Circuit
from atlas_rewards.llm.hedging import hedged
from atlas_rewards.llm.model_calls import ModelCalls, ModelRequest
from atlas_rewards.llm.rate_limit import BudgetMeter, RateLimiter, Usage
from atlas_rewards.llm.retries import wait_before
from atlas_rewards.llm.single_flight import DeadlineExceeded, Flight, SingleFlight
from atlas_rewards.llm.statistics import CallStatistics
from atlas_rewards.secret import read_token

_KEYS = {"small": SMALL_JUDGE_KEY, "large": LARGE_JUDGE_KEY}

Message = Mapping[str, str]
"""A chat message: `role` and `content`."""

_FOR_THE_FILE = 0.1
"""Share of the time left that a busy file of answers may take; then the model is asked instead."""

_Result = tuple[Completion, bool]
"""An answer, and whether it was remembered."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Time and chance, which are not the client's to decide."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random
    """Random numbers from 0 to 1, which spread retries."""


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What outlasts a configuration in a process. Keys of answers tell configurations apart, so all may share them."""

    usage: Usage = field(default_factory=Usage)
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True)
class LLMStatistics:
    """How requests were answered since the start."""

    models: tuple[CallStatistics, ...]
    cache: CacheStatistics
    shared: int
    """Requests that shared the answer to an identical one."""


class LLMClient:
    """Asks the models of one configuration. Belongs to one event loop."""

    def __init__(
        self, judging: Judging, revision: str, keys: Mapping[str, str | None], timing: Timing, state: ProcessState
    ) -> None:
        self._judging = judging
        self._revision = revision
        self._timing = timing
        meter = BudgetMeter(judging.budget, state.usage)
        self._rate_limiter = RateLimiter(meter, timing.clock, timing.sleep)
        models = _models(judging)
        circuits = {
            _address(model): Circuit(judging.circuit_breaker, timing.clock, timing.sleep) for model in models.values()
        }
        self._models = [
            ModelCalls(model, keys.get(name), judging, meter, circuits[_address(model)], clock=timing.clock)
            for name, model in models.items()
        ]
        self._cache = AnswerCache(judging.cache, state.memory)
        self._flights: SingleFlight[_Result] = SingleFlight(timing.clock)
        self._slots = asyncio.Semaphore(judging.concurrency)
        self._shared = 0

    async def ask(
        self,
        model: JudgeModel,
        messages: Sequence[Message],
        temperature: float,
        deadline: float | None = None,
        *,
        repetition: int = 0,
        usable: Callable[[str], bool] = lambda _: True,
    ) -> Answer:
        """
        The answer of *model*, one of the configuration's. Raises NoAnswer.

        *deadline* is a moment of `time.monotonic`; left out, `timeouts.totalSeconds` from now. Identical requests get
        the same answer, from the cache or by sharing a call: where a question is put several times at the *same*
        temperature to get different answers, number them with *repetition*. Answers that are not *usable* are given
        back but not remembered.
        """
        began = self._timing.clock()
        calls = self._calls_of(model)
        request = calls.request(messages, temperature, repetition, self._revision)
        completion, cached = self._cache.recent(request.key), True
        if completion is None:
            until = began + self._judging.timeouts.total_seconds if deadline is None else deadline
            completion, cached = await self._join(calls, request, until, usable)
        tokens = request.tokens if completion.tokens is None else completion.tokens
        return Answer(completion.text, tokens, self._timing.clock() - began, cached, completion.cut)

    def statistics(self) -> LLMStatistics:
        """Statistics of all requests so far."""
        models = tuple(calls.statistics() for calls in self._models)
        return LLMStatistics(models, self._cache.statistics(), self._shared)

    async def close(self) -> None:
        """Close all connections and the cache. Requests that are waiting get no answer."""
        await self._flights.close()
        for calls in self._models:
            await calls.close()
        await self._cache.close()

    def _calls_of(self, model: JudgeModel) -> ModelCalls:
        return next(calls for calls in self._models if calls.model is model or calls.model == model)

    async def _join(
        self, calls: ModelCalls, request: ModelRequest, deadline: float, usable: Callable[[str], bool]
    ) -> _Result:
        async def work(flight: Flight[_Result]) -> _Result:
            # Looked up on the way, so that whoever asks the same meanwhile shares what comes of it.
            patience = (flight.deadline - self._timing.clock()) * _FOR_THE_FILE
            if (remembered := await self._cache.get(request.key, patience)) is not None:
                return remembered, True
            completion = await self._call_until_answered(calls, request, flight)
            if usable(completion.text):
                self._cache.put(request.key, completion)
            return completion, False

        try:
            (completion, cached), shared = await self._flights.join(request.key, deadline, work)
        except DeadlineExceeded as late:
            raise NoAnswer("deadline", f"{calls.name}: no answer before the deadline; it {late}") from None
        self._shared += shared
        return completion, cached or shared

    async def _call_until_answered(
        self, calls: ModelCalls, request: ModelRequest, flight: Flight[_Result]
    ) -> Completion:
        """The answer, after as many calls as have a chance."""
        made = 0
        while await calls.circuit.wait(flight):
            try:
                return await self._call(calls, request, flight)
            except CallFailed as failure:
                if failure.reason == "circuitOpen":  # it opened on the way: wait again
                    continue
                made += 1
                wait = self._wait_after(failure, made)
                if wait is None or self._timing.clock() + wait >= flight.deadline:
                    raise _no_answer(calls, failure, made) from None
                flight.note = f"{failure}{_after(made)}"
                await self._timing.sleep(wait)
        raise _no_answer(calls, calls.circuit.error, made)

    def _wait_after(self, failure: CallFailed, made: int) -> float | None:
        if not failure.again:
            return None
        return wait_before(made + 1, self._judging.retries, failure.retry_after, self._timing.jitter())

    async def _call(self, calls: ModelCalls, request: ModelRequest, flight: Flight[_Result]) -> Completion:
        async with self._slots:
            # Waits here: whoever has the next place in flight would have no room in the budget either.
            counted_at = await self._rate_limiter.acquire(request.tokens, flight)
            flight.note = "has not answered yet"
            return await hedged(
                lambda: calls.call(request, counted_at),
                lambda: self._hedge(calls, request),
                calls.record.hedge_after(self._judging.hedge_after),
                self._timing.sleep,
                self._slots,
            )

    async def _hedge(self, calls: ModelCalls, request: ModelRequest) -> Completion:
        counted_at = self._rate_limiter.acquire_now(request.tokens)
        calls.record.hedges += 1
        return await calls.call(request, counted_at)


def llm_client_for(
    judging: Judging, revision: str, timing: Timing | None = None, state: ProcessState | None = None
) -> LLMClient:
    """
    The client for this configuration; *revision* is its digest, and part of what answers are remembered by. *state*:
    what clients before it have left.

    Raises SourceMissing for a key that is not there, and InvalidManifest for an address or cache file that cannot be.
    """
    models = _models(judging)
    problems = {name: _address_problem(model) for name, model in models.items()}
    if lines := [f"models.{name}.baseUrl: {problem}" for name, problem in problems.items() if problem]:
        raise InvalidManifest(lines)
    sources = {name: model.api_key_from for name, model in models.items()}
    keys = {name: read_token(source, _KEYS[name]) for name, source in sources.items() if source is not None}
    return LLMClient(judging, revision, keys, timing or Timing(), state or ProcessState())


def _models(judging: Judging) -> dict[str, JudgeModel]:
    """Models by the name of their part in the configuration."""
    named = {"small": judging.models.small, "large": judging.models.large}
    return {name: model for name, model in named.items() if model is not None}


def _address_problem(model: JudgeModel) -> str | None:
    return address_problem(model.base_url, "https://api.openai.com/v1", "the key with apiKeyFrom", versioned=True)


def _address(model: JudgeModel) -> str:
    return model.base_url.rstrip("/")


def _no_answer(calls: ModelCalls, failure: CallFailed, made: int) -> NoAnswer:
    if failure.reason in ("circuitOpen", "overBudget"):
        calls.record.not_asked(failure.reason)
    return NoAnswer(failure.reason, f"{calls.name}: {failure}{_after(made)}")


def _after(made: int) -> str:
    return f" ({made} calls made)" if made > 1 else ""
