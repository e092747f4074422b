"""
Rate limiting of all calls of models by the manifest's `budget`: calls of a minute, tokens of an hour.

Over the calls of a minute, a call waits for room, in the order in which they came; over the tokens of an hour, it is
refused.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from atlas_api.rewardservice.judging import Budget
from atlas_rewards.llm.chat_completion import CallFailed
from atlas_rewards.llm.single_flight import Flight

_BUCKETS = 60
_MINUTE, _HOUR = 60.0, 3600.0
_SHORTEST_WAIT = 0.01
"""Rounding must not make a wait of nothing."""


class SlidingWindow:
    """An amount over the last *seconds*, to a sixtieth of them; it rather remembers too long than too short."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._step = seconds / _BUCKETS
        self._buckets: dict[int, float] = {}

    def add(self, amount: float, moment: float) -> None:
        """Count *amount* at *moment*; a negative one takes back what was counted too much then."""
        self._forget(moment)
        number = int(moment // self._step)
        self._buckets[number] = self._buckets.get(number, 0.0) + amount

    def total(self, now: float) -> float:
        """What was counted in the last *seconds*."""
        self._forget(now)
        return sum(self._buckets.values())

    def wait(self, most: float, now: float) -> float:
        """Seconds until *most* are counted, or fewer, if none is added: 0 for now."""
        total, moment = self.total(now), now
        if total <= most:
            return 0.0
        for number in sorted(self._buckets):
            total -= self._buckets[number]
            moment = (number + 1) * self._step + self._seconds
            if total <= most:
                break
        return max(moment - now, _SHORTEST_WAIT)

    def _forget(self, now: float) -> None:
        oldest = int((now - self._seconds) // self._step)
        for number in [number for number in self._buckets if number < oldest]:
            del self._buckets[number]


class Usage:
    """Calls of the last minute and tokens of the last hour, under whatever budget."""

    def __init__(self) -> None:
        self.calls = SlidingWindow(_MINUTE)
        self.tokens = SlidingWindow(_HOUR)


class BudgetMeter:
    """
    Counts calls and tokens against a `Budget`. Pure: the caller gives it the time.

    A call is counted with the tokens of its prompt before it is made, and with those of its answer when that is there:
    calls in flight can overrun the tokens by their answers, and by no more.
    """

    def __init__(self, budget: Budget, usage: Usage | None = None) -> None:
        """*usage*: what was used before, and by other meters."""
        self._budget = budget
        self._usage = usage or Usage()

    def wait(self, now: float) -> float:
        """Seconds until the minute has room for a call: 0 for now."""
        limit = self._budget.calls_per_minute
        return 0.0 if limit is None else self._usage.calls.wait(limit - 1, now)

    def excess(self, tokens: int, now: float) -> str | None:
        """Which limit a call with a prompt of *tokens* would exceed now; None when it may be made."""
        if self.wait(now):
            return f"budget.callsPerMinute of {self._budget.calls_per_minute} is used up"
        return self.hourly_excess(tokens, now)

    def hourly_excess(self, tokens: int, now: float) -> str | None:
        """Which limit of an hour such a call would exceed, whatever the minute has room for; None for none."""
        limit = self._budget.tokens_per_hour
        if limit is not None and self._usage.tokens.total(now) + tokens > limit:
            return f"budget.tokensPerHour of {limit} is used up"
        return None

    def charge(self, tokens: int, now: float) -> None:
        """Count a call and the tokens of its prompt."""
        self._usage.calls.add(1, now)
        self._usage.tokens.add(tokens, now)

    def adjust(self, more: int, then: float) -> None:
        """Count *more* tokens, or fewer, of a call that was counted at the moment *then*."""
        self._usage.tokens.add(more, then)

    def refund(self, tokens: int, then: float) -> None:
        """Forget a call that was counted at the moment *then*: it was not made."""
        self._usage.calls.add(-1, then)
        self._usage.tokens.add(-tokens, then)


class RateLimiter:
    """Lets calls through as the budget has room for them. Belongs to one event loop."""

    def __init__(
        self, meter: BudgetMeter, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()  # it lets in who came first

    async def acquire(self, tokens: int, flight: Flight[Any]) -> float:
        """Count a call with a prompt of *tokens* once the minute has room. The moment at which it was counted.

        Raises CallFailed (`overBudget`), at once: there is no room before the flight's deadline, or the hour has none.
        """
        _raise(self._meter.hourly_excess(tokens, self._clock()))
        flight.note = "waits for room in budget.callsPerMinute"
        async with self._queue:
            while 0 < (wait := self._meter.wait(self._clock())) < flight.deadline - self._clock():
                await self._sleep(wait)
            return self.acquire_now(tokens)

    def acquire_now(self, tokens: int) -> float:
        """Count such a call without waiting. The moment at which it was counted. Raises CallFailed (`overBudget`)."""
        now = self._clock()
        _raise(self._meter.excess(tokens, now))
        self._meter.charge(tokens, now)
        return now


def _raise(excess: str | None) -> None:
    if excess is not None:
        raise CallFailed("overBudget", excess)
