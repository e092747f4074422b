"""Single calls of one model: admitted, timed and counted."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from atlas_api.rewardservice.judging import JudgeModel, Judging
from atlas_api.text import escaped
from atlas_rewards.llm.chat_completion import LETTERS_A_TOKEN, CallFailed, Completion, request_body
from atlas_rewards.llm.circuit_breaker import Circuit
from atlas_rewards.llm.endpoint import Endpoint
from atlas_rewards.llm.rate_limit import BudgetMeter
from atlas_rewards.llm.statistics import CallRecord, CallStatistics


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request to a model, ready to send."""

    key: str
    """Digest of everything that the answer depends on."""

    body: bytes
    tokens: int
    """Tokens of the prompt, as an estimate."""


class ModelCalls:
    """Calls of one model."""

    def __init__(
        self,
        model: JudgeModel,
        key: str | None,
        judging: Judging,
        meter: BudgetMeter,
        circuit: Circuit,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.model = model
        self.name = f"{escaped(model.model)} at {escaped(model.base_url)}"
        """Name of the model in messages."""

        self.record = CallRecord()
        self.circuit = circuit
        self._seconds = judging.timeouts.call_seconds
        self._long = min(judging.timeouts.call_seconds, judging.timeouts.total_seconds) / 2
        self._endpoint = Endpoint(model.base_url, key)
        self._meter = meter
        self._clock = clock

    def request(
        self, messages: Sequence[Mapping[str, str]], temperature: float, repetition: int, revision: str
    ) -> ModelRequest:
        """The request, ready to send."""
        body = request_body(self.model, messages, temperature)
        rest = f"{revision}\0{self.model.base_url}\0{repetition}".encode()
        letters = sum(len(text) for message in messages for text in message.values())
        return ModelRequest(sha256(rest + b"\0" + body).hexdigest(), body, letters // LETTERS_A_TOKEN)

    async def call(self, request: ModelRequest, counted_at: float) -> Completion:
        """The answer to one call, which the meter counted at the moment *counted_at*. Raises CallFailed."""
        ticket = self._admit(request, counted_at)
        began = self._clock()
        self.record.calls += 1
        self.record.in_flight += 1
        try:
            completion = await self._timed(request.body)
        except CallFailed as failure:
            self._failed(ticket, request, failure, counted_at)
            raise
        except asyncio.CancelledError:
            self._abandoned(ticket, self._clock() - began)
            raise
        finally:
            self.record.in_flight -= 1
        self.record.answered(self._clock() - began)
        self._answered(ticket, request, completion, counted_at)
        return completion

    def statistics(self) -> CallStatistics:
        """Statistics of the calls so far."""
        return self.record.snapshot(self.model.model, self.model.base_url, self.circuit.state)

    async def close(self) -> None:
        await self._endpoint.close()

    def _admit(self, request: ModelRequest, counted_at: float) -> int:
        try:
            return self.circuit.admit()
        except CallFailed:
            self._meter.refund(request.tokens, counted_at)
            raise

    async def _timed(self, body: bytes) -> Completion:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._endpoint.complete(body)
        except TimeoutError:
            raise CallFailed("timeout", f"gives no answer within {self._seconds:g} s") from None

    def _failed(self, ticket: int, request: ModelRequest, failure: CallFailed, counted_at: float) -> None:
        self.record.failed(failure.reason)
        if failure.reason in ("overloaded", "refused"):
            self._meter.adjust(-request.tokens, counted_at)
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

    def _answered(self, ticket: int, request: ModelRequest, completion: Completion, counted_at: float) -> None:
        tokens = completion.tokens
        if tokens is None:
            tokens = request.tokens + len(completion.text) // LETTERS_A_TOKEN
        self.record.tokens += tokens
        self.circuit.succeeded(ticket)
        self._meter.adjust(tokens - request.tokens, counted_at)
