"""
Circuit breaker: an endpoint that only fails is left alone for a while, and requests wait until it may be tried again.

    closed    --failures in a row-->  open
    open      --openSeconds later-->  halfOpen: one call tries
    halfOpen  --it succeeds-->        closed
    halfOpen  --it fails-->           open

Calls that were in flight when the first of a row failed count with it as one failure: when a hundred connections break
at once, that is one mishap.

A request that comes while the endpoint is left alone waits until a call may try it again, or until that call has shown
how it is; meanwhile it takes no place among the calls in flight. Where its deadline comes first, it does not wait.
An address that never answered is waited for once: when the first call that tries it again fails too, it is likely to be
a wrong one, and requests fail at once until it answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, Literal

from atlas_api.rewardservice.judging import CircuitBreaker
from atlas_rewards.llm.chat_completion import CallFailed
from atlas_rewards.llm.single_flight import Flight

BreakerState = Literal["closed", "open", "halfOpen"]


class Breaker:
    """Decides whether one endpoint may be called. Pure: times are seconds of any clock that does not go backwards."""

    def __init__(self, settings: CircuitBreaker) -> None:
        self._settings = settings
        self._admitted = 0
        self._failures = 0
        self._before_row = 0
        """The last ticket before the first failure of the row."""

        self._before_change = 0
        """The last ticket before the last change of state."""

        self._opened: float | None = None
        self._probing = False

    def state(self, now: float) -> BreakerState:
        if self._opened is None:
            return "closed"
        return "halfOpen" if now >= self._opened + self._settings.open_seconds else "open"

    def wait(self, now: float) -> float:
        """Seconds until a call may be admitted: 0 for now, infinity for as long as another call tries."""
        if self._opened is None:
            return 0.0
        if now < (retry_at := self._opened + self._settings.open_seconds):
            return retry_at - now
        return inf if self._probing else 0.0

    def admit(self, now: float) -> int | None:
        """A ticket for one call, to be handed back with how it went. None: leave the endpoint alone."""
        if self.wait(now):
            return None
        self._probing = self._opened is not None
        self._admitted += 1
        return self._admitted

    def succeeded(self, ticket: int) -> None:
        """The call was answered. Calls admitted before the last change of state say nothing about now."""
        if ticket > self._before_change:
            self._failures = 0
            if self._opened is not None:
                self._change(None)

    def failed(self, ticket: int, now: float) -> None:
        """The call met a failing endpoint."""
        if ticket <= self._before_change or (self._failures and ticket <= self._before_row):
            return
        if not self._failures:
            self._before_row = self._admitted
        self._failures += 1
        if self._opened is not None or self._failures >= self._settings.failures:
            self._change(now)

    def undecided(self, ticket: int) -> None:
        """The call was given up, or failed for a reason of its own."""
        if ticket > self._before_change:
            self._probing = False

    def _change(self, opened: float | None) -> None:
        self._opened = opened
        self._failures = 0
        self._probing = False
        self._before_change = self._admitted


class Circuit:
    """The way to one address, with its breaker and the requests that wait for it. Belongs to one event loop."""

    def __init__(
        self, settings: CircuitBreaker, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._breaker = Breaker(settings)
        self._clock = clock
        self._sleep = sleep
        self._trouble = ""
        self._answered = False
        self._given_up = False
        self._changed = asyncio.Event()

    @property
    def state(self) -> BreakerState:
        return self._breaker.state(self._clock())

    @property
    def error(self) -> CallFailed:
        """Why no call is made."""
        return CallFailed("circuitOpen", f"left alone for a while, because it {self._trouble}")

    async def wait(self, flight: Flight[Any]) -> bool:
        """Wait until a call may be made. False, at once: that is not before the flight's deadline, or never was."""
        while wait := self._breaker.wait(self._clock()):
            flight.note = f"is {self.error}"
            if wait == inf:
                await self._changed.wait()
            elif self._given_up or self._clock() + wait >= flight.deadline:
                return False
            else:
                await self._sleep(wait)
        return True

    def admit(self) -> int:
        """A ticket for one call, to be handed back with how it went. Raises CallFailed (`circuitOpen`)."""
        ticket = self._breaker.admit(self._clock())
        if ticket is None:
            raise self.error
        return ticket

    def succeeded(self, ticket: int) -> None:
        """The endpoint is there."""
        self._answered = True
        self._given_up = False
        self._breaker.succeeded(ticket)
        self._wake()

    def failed(self, ticket: int, trouble: str) -> None:
        """The endpoint fails, because it *trouble*."""
        self._trouble = trouble
        self._given_up |= not self._answered and self.state == "halfOpen"
        self._breaker.failed(ticket, self._clock())
        self._wake()

    def undecided(self, ticket: int) -> None:
        """The call says nothing about the endpoint."""
        self._breaker.undecided(ticket)
        self._wake()

    def _wake(self) -> None:
        """Wake the requests that wait for a call that tries the endpoint."""
        self._changed.set()
        self._changed = asyncio.Event()
