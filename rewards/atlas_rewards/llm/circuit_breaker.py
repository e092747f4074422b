"""
The circuit breaker of one address, and the questions that wait for it. Used by `calls`; models at it share one.

A question that comes while the endpoint is left alone waits until a call may try it again, or until that call has shown
how it is; meanwhile it takes no place among the calls in flight. Where its deadline comes first, it does not wait.
An address that never answered is waited for once: when the first call that tries it again fails too, it is likely to be
a wrong one, and questions are told so at once until it answers.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from typing import Any

from atlas_api.rewardservice.judging import CircuitBreaker
from atlas_rewards.llm.breaker import Breaker, State
from atlas_rewards.llm.chat_completion import CallFailed
from atlas_rewards.llm.single_flight import Flight


class Circuit:
    """Of one address. Belongs to one event loop."""

    def __init__(
        self, settings: CircuitBreaker, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._breaker = Breaker(settings)
        self._clock = clock
        self._sleep = sleep
        self._trouble = ""
        self._answered = False
        self._given_up = False
        self._news = asyncio.Event()

    @property
    def state(self) -> State:
        return self._breaker.state(self._clock())

    @property
    def refusal(self) -> CallFailed:
        """Why no call is made."""
        return CallFailed("circuitOpen", f"left alone for a while, because it {self._trouble}")

    async def wait(self, flight: Flight[Any]) -> bool:
        """Wait until a call may be made. False, at once: that is not before the flight's deadline, or never was."""
        while wait := self._breaker.wait(self._clock()):
            flight.note = f"is {self.refusal}"
            if wait == inf:
                await self._news.wait()
            elif self._given_up or self._clock() + wait >= flight.deadline:
                return False
            else:
                await self._sleep(wait)
        return True

    def admit(self) -> int:
        """A ticket for one call, to be handed back with how it went. Raises CallFailed (`circuitOpen`)."""
        ticket = self._breaker.admit(self._clock())
        if ticket is None:
            raise self.refusal
        return ticket

    def succeeded(self, ticket: int) -> None:
        """The endpoint is there."""
        self._answered = True
        self._given_up = False
        self._breaker.succeeded(ticket)
        self._tell()

    def failed(self, ticket: int, trouble: str) -> None:
        """The endpoint fails, because it *trouble*."""
        self._trouble = trouble
        self._given_up |= not self._answered and self.state == "halfOpen"
        self._breaker.failed(ticket, self._clock())
        self._tell()

    def undecided(self, ticket: int) -> None:
        """The call says nothing about the endpoint."""
        self._breaker.undecided(ticket)
        self._tell()

    def _tell(self) -> None:
        """Wake those who wait for a call that tries the endpoint."""
        self._news.set()
        self._news = asyncio.Event()
