"""
Asks models, as reliably as they let us. The ensemble uses this and nothing below it.

    caller = caller_for(judging, revision)
    answer = await caller.ask(judging.models.small, messages, temperature=0.2)
    await caller.close()

On its way a question meets, in this order: the answers in memory, an identical question that is being answered, the
file of answers, the circuit breaker of the address, the limit of calls in flight, the budget, the model; what failed is
tried again.
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
from atlas_rewards.llm.answer import Answer, NoAnswer, Reason
from atlas_rewards.llm.cache import AnswerCache, CacheStatistics, Memory
from atlas_rewards.llm.chat_completion import CallFailed, Completion
from atlas_rewards.llm.circuit_breaker import Circuit
from atlas_rewards.llm.hedging import hedged
from atlas_rewards.llm.model_calls import ModelCalls, Question
from atlas_rewards.llm.rate_limit import Payments, Purse, Spent
from atlas_rewards.llm.retries import wait_before
from atlas_rewards.llm.single_flight import Flight, Flights, TooLate
from atlas_rewards.llm.statistics import CallStatistics
from atlas_rewards.secret import read_token

__all__ = ["Answer", "Caller", "CallerStatistics", "NoAnswer", "Reason", "caller_for"]

_KEYS = {"small": SMALL_JUDGE_KEY, "large": LARGE_JUDGE_KEY}

Message = Mapping[str, str]
"""A chat message: `role` and `content`."""

_FOR_THE_FILE = 0.1
"""Share of the time left that a busy file of answers may take; then the model is asked instead."""

_Found = tuple[Completion, bool]
"""An answer, and whether it was remembered."""


@dataclass(frozen=True, slots=True)
class World:
    """What is not decided here: time and chance."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    """0 to 1, for the jitter of retries."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What outlasts a configuration in a process. Keys of answers tell configurations apart, so all may share them."""

    spent: Spent = field(default_factory=Spent)
    memory: Memory = field(default_factory=Memory)


@dataclass(frozen=True, slots=True)
class CallerStatistics:
    """How questions were answered since the start."""

    models: tuple[CallStatistics, ...]
    cache: CacheStatistics
    shared: int
    """Questions that shared the answer to an identical one."""


class Caller:
    """Asks the models of one configuration. Belongs to one event loop."""

    def __init__(
        self, judging: Judging, revision: str, keys: Mapping[str, str | None], world: World, lasting: Lasting
    ) -> None:
        self._judging = judging
        self._revision = revision
        self._world = world
        purse = Purse(judging.budget, lasting.spent)
        self._payments = Payments(purse, world.clock, world.sleep)
        models = _models(judging)
        circuits = {
            _address(model): Circuit(judging.circuit_breaker, world.clock, world.sleep) for model in models.values()
        }
        self._models = [
            ModelCalls(model, keys.get(name), judging, purse, circuits[_address(model)], clock=world.clock)
            for name, model in models.items()
        ]
        self._cache = AnswerCache(judging.cache, lasting.memory)
        self._flights: Flights[_Found] = Flights(world.clock)
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

        *deadline* is a moment of `time.monotonic`; left out, `timeouts.totalSeconds` from now. Identical questions get
        the same answer, from the cache or by sharing a call: where a question is put several times at the *same*
        temperature to get different answers, number them with *repetition*. Answers that are not *usable* are given
        back but not remembered.
        """
        began = self._world.clock()
        calls = self._calls_of(model)
        question = calls.question(messages, temperature, repetition, self._revision)
        completion, cached = self._cache.recent(question.key), True
        if completion is None:
            until = began + self._judging.timeouts.total_seconds if deadline is None else deadline
            completion, cached = await self._join(calls, question, until, usable)
        tokens = question.tokens if completion.tokens is None else completion.tokens
        return Answer(completion.text, tokens, self._world.clock() - began, cached, completion.cut)

    def statistics(self) -> CallerStatistics:
        """How it went so far."""
        models = tuple(calls.statistics() for calls in self._models)
        return CallerStatistics(models, self._cache.statistics(), self._shared)

    async def close(self) -> None:
        """Close all connections and the cache. Questions that are waiting get no answer."""
        await self._flights.close()
        for calls in self._models:
            await calls.close()
        await self._cache.close()

    def _calls_of(self, model: JudgeModel) -> ModelCalls:
        return next(calls for calls in self._models if calls.model is model or calls.model == model)

    async def _join(
        self, calls: ModelCalls, question: Question, deadline: float, usable: Callable[[str], bool]
    ) -> _Found:
        async def work(flight: Flight[_Found]) -> _Found:
            # Looked up on the way, so that whoever asks the same meanwhile shares what comes of it.
            patience = (flight.deadline - self._world.clock()) * _FOR_THE_FILE
            if (known := await self._cache.get(question.key, patience)) is not None:
                return known, True
            completion = await self._persist(calls, question, flight)
            if usable(completion.text):
                self._cache.put(question.key, completion)
            return completion, False

        try:
            (completion, remembered), shared = await self._flights.join(question.key, deadline, work)
        except TooLate as late:
            raise NoAnswer("deadline", f"{calls.name}: no answer before the deadline; it {late}") from None
        self._shared += shared
        return completion, remembered or shared

    async def _persist(self, calls: ModelCalls, question: Question, flight: Flight[_Found]) -> Completion:
        """Ask until there is an answer, or no sense in asking again."""
        made = 0
        while await calls.circuit.wait(flight):
            try:
                return await self._attempt(calls, question, flight)
            except CallFailed as failure:
                if failure.reason == "circuitOpen":  # it opened on the way: wait again
                    continue
                made += 1
                wait = self._wait_after(failure, made)
                if wait is None or self._world.clock() + wait >= flight.deadline:
                    raise _given_up(calls, failure, made) from None
                flight.note = f"{failure}{_after(made)}"
                await self._world.sleep(wait)
        raise _given_up(calls, calls.circuit.refusal, made)

    def _wait_after(self, failure: CallFailed, made: int) -> float | None:
        if not failure.again:
            return None
        return wait_before(made + 1, self._judging.retries, failure.retry_after, self._world.chance())

    async def _attempt(self, calls: ModelCalls, question: Question, flight: Flight[_Found]) -> Completion:
        async with self._slots:
            # Waits here: whoever has the next place in flight could not be paid either.
            paid = await self._payments.in_turn(question.tokens, flight)
            flight.note = "has not answered yet"
            return await hedged(
                lambda: calls.call(question, paid),
                lambda: self._second(calls, question),
                calls.record.hedge_after(self._judging.hedge_after),
                self._world.sleep,
                self._slots,
            )

    async def _second(self, calls: ModelCalls, question: Question) -> Completion:
        paid = self._payments.at_once(question.tokens)
        calls.record.hedges += 1
        return await calls.call(question, paid)


def caller_for(judging: Judging, revision: str, world: World | None = None, lasting: Lasting | None = None) -> Caller:
    """
    The caller for this configuration; *revision* is its digest, and part of what answers are remembered by. *lasting*:
    what callers before it have left.

    Raises SourceMissing for a key that is not there, and InvalidManifest for an address or cache file that cannot be.
    """
    models = _models(judging)
    problems = {name: _address_problem(model) for name, model in models.items()}
    if lines := [f"models.{name}.baseUrl: {problem}" for name, problem in problems.items() if problem]:
        raise InvalidManifest(lines)
    sources = {name: model.api_key_from for name, model in models.items()}
    keys = {name: read_token(source, _KEYS[name]) for name, source in sources.items() if source is not None}
    return Caller(judging, revision, keys, world or World(), lasting or Lasting())


def _models(judging: Judging) -> dict[str, JudgeModel]:
    """By the name of their part in the configuration."""
    named = {"small": judging.models.small, "large": judging.models.large}
    return {name: model for name, model in named.items() if model is not None}


def _address_problem(model: JudgeModel) -> str | None:
    return address_problem(model.base_url, "https://api.openai.com/v1", "the key with apiKeyFrom")


def _address(model: JudgeModel) -> str:
    return model.base_url.rstrip("/")


def _given_up(calls: ModelCalls, failure: CallFailed, made: int) -> NoAnswer:
    if failure.reason in ("circuitOpen", "overBudget"):
        calls.record.not_asked(failure.reason)
    return NoAnswer(failure.reason, f"{calls.name}: {failure}{_after(made)}")


def _after(made: int) -> str:
    return f" ({made} calls made)" if made > 1 else ""
