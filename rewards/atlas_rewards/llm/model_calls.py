"""Single calls of one model: admitted, timed and counted. Used by `calls`, which pays for them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from atlas_api.rewardservice.judging import JudgeModel, Judging
from atlas_api.text import escaped
from atlas_rewards.llm.chat_completion import LETTERS_A_TOKEN, CallFailed, Completion, request_body
from atlas_rewards.llm.circuit_breaker import Circuit
from atlas_rewards.llm.endpoint import Endpoint
from atlas_rewards.llm.rate_limit import Purse
from atlas_rewards.llm.statistics import CallStatistics, Record


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked."""

    key: str
    """Digest of everything that the answer depends on."""

    body: bytes
    tokens: int
    """Of the prompt, as an estimate."""


class ModelCalls:
    """Calls of one model."""

    def __init__(
        self,
        model: JudgeModel,
        key: str | None,
        judging: Judging,
        purse: Purse,
        circuit: Circuit,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.model = model
        self.name = f"{escaped(model.model)} at {escaped(model.base_url)}"
        """For messages."""

        self.record = Record()
        self.circuit = circuit
        self._seconds = judging.timeouts.call_seconds
        self._long = min(judging.timeouts.call_seconds, judging.timeouts.total_seconds) / 2
        self._endpoint = Endpoint(model.base_url, key)
        self._purse = purse
        self._clock = clock

    def question(
        self, messages: Sequence[Mapping[str, str]], temperature: float, repetition: int, revision: str
    ) -> Question:
        """The question, ready to send."""
        body = request_body(self.model, messages, temperature)
        rest = f"{revision}\0{self.model.base_url}\0{repetition}".encode()
        letters = sum(len(text) for message in messages for text in message.values())
        return Question(sha256(rest + b"\0" + body).hexdigest(), body, letters // LETTERS_A_TOKEN)

    async def call(self, question: Question, paid: float) -> Completion:
        """One call, counted by the purse at the moment *paid*, and what it gave. Raises CallFailed."""
        ticket = self._admit(question, paid)
        began = self._clock()
        self.record.calls += 1
        self.record.in_flight += 1
        try:
            completion = await self._timed(question.body)
        except CallFailed as failure:
            self._failed(ticket, question, failure, paid)
            raise
        except asyncio.CancelledError:
            self._abandoned(ticket, self._clock() - began)
            raise
        finally:
            self.record.in_flight -= 1
        self.record.answered(self._clock() - began)
        self._answered(ticket, question, completion, paid)
        return completion

    def statistics(self) -> CallStatistics:
        """How the calls went."""
        return self.record.snapshot(self.model.model, self.model.base_url, self.circuit.state)

    async def close(self) -> None:
        await self._endpoint.close()

    def _admit(self, question: Question, paid: float) -> int:
        try:
            return self.circuit.admit()
        except CallFailed:
            self._purse.give_back(question.tokens, paid)
            raise

    async def _timed(self, body: bytes) -> Completion:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._endpoint.complete(body)
        except TimeoutError:
            raise CallFailed("timeout", f"gives no answer within {self._seconds:g} s") from None

    def _failed(self, ticket: int, question: Question, failure: CallFailed, paid: float) -> None:
        self.record.failed(failure.reason)
        if failure.reason in ("overloaded", "refused"):
            self._purse.settle(-question.tokens, paid)
        if failure.endpoint == "failing":
            self.circuit.failed(ticket, str(failure))
        elif failure.endpoint == "alive":
            self.circuit.succeeded(ticket)
        else:
            self.circuit.undecided(ticket)

    def _abandoned(self, ticket: int, seconds: float) -> None:
        """Nobody waits any longer. After half of the time that a call can have, the endpoint is to blame."""
        if seconds < self._long:
            self.record.given_up(seconds)
            self.circuit.undecided(ticket)
        else:
            self.record.failed("timeout")
            self.circuit.failed(ticket, f"gave no answer within {seconds:.3g} s")

    def _answered(self, ticket: int, question: Question, completion: Completion, paid: float) -> None:
        tokens = completion.tokens
        if tokens is None:
            tokens = question.tokens + len(completion.text) // LETTERS_A_TOKEN
        self.record.tokens += tokens
        self.circuit.succeeded(ticket)
        self._purse.settle(tokens - question.tokens, paid)
