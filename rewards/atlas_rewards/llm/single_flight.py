"""Single-flight: identical requests at the same time share one answer. Knows nothing about models."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The answer was not there in time. The message is what the work was at."""


class Flight(Generic[T]):
    """One request that is being answered, and everybody who waits for it."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        """The latest moment at which somebody still wants the answer."""

        self.note = "waits for its turn among the calls in flight"
        """What the work is at, for those who cannot wait any longer. Kept up to date by the work."""

        self.task: asyncio.Task[T]
        self.waiting = 0


class SingleFlight(Generic[T]):
    """All requests that are being answered, by key. Moments are those of *clock*."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._flights: dict[str, Flight[T]] = {}

    async def join(self, key: str, deadline: float, work: Callable[[Flight[T]], Awaitable[T]]) -> tuple[T, bool]:
        """
        What *work* gives, and whether somebody else had asked for it first.

        Raises DeadlineExceeded, or what *work* raises. Work that nobody waits for any longer is cancelled.
        """
        flight = self._flights.get(key)
        if shared := flight is not None:
            flight.deadline = max(flight.deadline, deadline)
        elif deadline <= self._clock():  # a task would begin, and might count a call, before it is cancelled
            raise DeadlineExceeded("was not asked any more")
        else:
            flight = self._start(key, deadline, work)
        flight.waiting += 1
        try:
            await asyncio.wait({flight.task}, timeout=deadline - self._clock())
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._drop(key, flight)
                flight.task.cancel()
        if not flight.task.done() or flight.task.cancelled():
            raise DeadlineExceeded(flight.note)
        return flight.task.result(), shared

    async def close(self) -> None:
        """Stop all work; those who wait for it get DeadlineExceeded."""
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, key: str, deadline: float, work: Callable[[Flight[T]], Awaitable[T]]) -> Flight[T]:
        flight: Flight[T] = Flight(deadline)
        flight.task = asyncio.ensure_future(self._run(key, flight, work))
        self._flights[key] = flight
        return flight

    async def _run(self, key: str, flight: Flight[T], work: Callable[[Flight[T]], Awaitable[T]]) -> T:
        try:
            return await work(flight)
        finally:
            self._drop(key, flight)

    def _drop(self, key: str, flight: Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
