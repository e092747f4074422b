"""
Whether an endpoint that only fails may be called. Pure: the caller tells it the time. Used by `circuit`, one each.

    closed    --failures in a row-->  open
    open      --openSeconds later-->  halfOpen: one call tries
    halfOpen  --it succeeds-->        closed
    halfOpen  --it fails-->           open

Calls that were in flight when the first of a row failed count with it as one failure: when a hundred connections break
at once, that is one mishap.
"""

from math import inf
from typing import Literal

from atlas_api.rewardservice.judging import CircuitBreaker

State = Literal["closed", "open", "halfOpen"]


class Breaker:
    """Of one endpoint. Times are seconds of any clock that does not go backwards."""

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

    def state(self, now: float) -> State:
        if self._opened is None:
            return "closed"
        return "halfOpen" if now >= self._opened + self._settings.open_seconds else "open"

    def wait(self, now: float) -> float:
        """Seconds until a call may be admitted: 0 for now, infinity for as long as another call tries."""
        if self._opened is None:
            return 0.0
        if now < (tried := self._opened + self._settings.open_seconds):
            return tried - now
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
        """The call found the endpoint failing."""
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
