"""
Whether an endpoint that only fails may be called. Pure: the caller tells it the time. Used by `calls`, one a model.

    closed    --failures in a row-->  open
    open      --openSeconds later-->  halfOpen: one call tries
    halfOpen  --it succeeds-->        closed
    halfOpen  --it fails-->           open
"""

from typing import Literal

from atlas_api.judging import CircuitBreaker

State = Literal["closed", "open", "halfOpen"]


class Breaker:
    """Of one endpoint. Times are seconds of any clock that does not go backwards."""

    def __init__(self, settings: CircuitBreaker) -> None:
        self._settings = settings
        self._failures = 0
        self._opened: float | None = None
        self._probing = False
        self._generation = 0

    def state(self, now: float) -> State:
        if self._opened is None:
            return "closed"
        return "halfOpen" if now >= self._opened + self._settings.open_seconds else "open"

    def admit(self, now: float) -> int | None:
        """A ticket for one call, to be handed back with how it went. None: leave the endpoint alone."""
        state = self.state(now)
        if state == "open" or (state == "halfOpen" and self._probing):
            return None
        self._probing = state == "halfOpen"
        return self._generation

    def succeeded(self, ticket: int) -> None:
        """The call was answered. Calls admitted before the last change of state say nothing about now."""
        if ticket == self._generation:
            self._failures = 0
            if self._opened is not None:
                self._change(None)

    def failed(self, ticket: int, now: float) -> None:
        """The call found the endpoint failing."""
        if ticket == self._generation:
            self._failures += 1
            if self._opened is not None or self._failures >= self._settings.failures:
                self._change(now)

    def undecided(self, ticket: int) -> None:
        """The call was given up, or failed for a reason of its own."""
        if ticket == self._generation:
            self._probing = False

    def _change(self, opened: float | None) -> None:
        self._opened = opened
        self._failures = 0
        self._probing = False
        self._generation += 1
