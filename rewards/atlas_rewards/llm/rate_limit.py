"""
What judging may still cost, and the calls that wait until they can be paid. Used by `calls`, one for all models.

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


class Spent:
    """Calls of the last minute and tokens of the last hour, under whatever budget."""

    def __init__(self) -> None:
        self.calls = SlidingWindow(_MINUTE)
        self.tokens = SlidingWindow(_HOUR)


class Purse:
    """
    Counts calls and tokens against a `Budget`. Pure: the caller tells it the time.

    A call is counted with the tokens of its prompt before it is made, and with those of its answer when that is there:
    calls in flight can overrun the tokens by their answers, and by no more.
    """

    def __init__(self, budget: Budget, spent: Spent | None = None) -> None:
        """*spent* before, and by other purses."""
        self._budget = budget
        self._spent = spent or Spent()

    def wait(self, now: float) -> float:
        """Seconds until the minute has room for a call: 0 for now."""
        limit = self._budget.calls_per_minute
        return 0.0 if limit is None else self._spent.calls.wait(limit - 1, now)

    def refusal(self, tokens: int, now: float) -> str | None:
        """Why a call with a prompt of *tokens* cannot be paid now; None when it can."""
        if self.wait(now):
            return f"budget.callsPerMinute of {self._budget.calls_per_minute} is used up"
        return self.hour_refusal(tokens, now)

    def hour_refusal(self, tokens: int, now: float) -> str | None:
        """The same, whatever the minute has room for."""
        limit = self._budget.tokens_per_hour
        if limit is not None and self._spent.tokens.total(now) + tokens > limit:
            return f"budget.tokensPerHour of {limit} is used up"
        return None

    def spend(self, tokens: int, now: float) -> None:
        """Count a call and the tokens of its prompt."""
        self._spent.calls.add(1, now)
        self._spent.tokens.add(tokens, now)

    def settle(self, more: int, then: float) -> None:
        """Count *more* tokens, or fewer, of a call that was counted at the moment *then*."""
        self._spent.tokens.add(more, then)

    def give_back(self, tokens: int, then: float) -> None:
        """Forget a call that was counted at the moment *then*: it was not made."""
        self._spent.calls.add(-1, then)
        self._spent.tokens.add(-tokens, then)


class Payments:
    """Pays calls from a purse. Belongs to one event loop."""

    def __init__(self, purse: Purse, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._purse = purse
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()  # it lets in who came first

    async def in_turn(self, tokens: int, flight: Flight[Any]) -> float:
        """Pay a call with a prompt of *tokens* once the minute has room. The moment at which it was counted.

        Raises CallFailed (`overBudget`), at once: there is no room before the flight's deadline, or the hour has none.
        """
        _raise(self._purse.hour_refusal(tokens, self._clock()))
        flight.note = "waits for room in budget.callsPerMinute"
        async with self._queue:
            while 0 < (wait := self._purse.wait(self._clock())) < flight.deadline - self._clock():
                await self._sleep(wait)
            return self.at_once(tokens)

    def at_once(self, tokens: int) -> float:
        """The same, without waiting."""
        now = self._clock()
        _raise(self._purse.refusal(tokens, now))
        self._purse.spend(tokens, now)
        return now


def _raise(refusal: str | None) -> None:
    if refusal is not None:
        raise CallFailed("overBudget", refusal)
