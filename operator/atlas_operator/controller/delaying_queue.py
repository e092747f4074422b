"""Delaying queue: which key is worked on when, with a backoff for each. Pure: it gets the time, and it never waits.

It does not know what keys are, nor who works on them.
"""

import math
import random
from collections.abc import Hashable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

PACE = 1.0
"""Shortest time between the beginnings of two works on a key for which `add` asks: whoever writes in a loop gets no
more of the workers than that, and no other key waits longer for it."""

SHORTEST_RETRY = 0.005
LONGEST_RETRY = 300.0
_DOUBLINGS = 16  # 5 ms doubled 16 times passes 300 s; more would overflow in the end
_JITTER = 0.25

_FEW = 64
"""Superseded dates that the queue may always keep; more of them only while they are no more than those that count."""


class DelayingQueue(Generic[K]):
    """Keys that wait, are being worked on, or are to be looked at later. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._waiting: dict[K, float] = {}
        self._working: set[K] = set()
        self._again: dict[K, float] = {}
        self._later: dict[K, float] = {}
        self._timers: list[tuple[float, int, K]] = []
        self._serial = 0
        self._failures: dict[K, int] = {}
        self._begun: dict[K, float] = {}
        """When work on a key last began, the longest ago first. Beginnings before `PACE` are forgotten."""

    def add(self, key: K, now: float) -> None:
        """Work on *key* as soon as possible, `PACE` after its last work began; once more after the present work."""
        begun = self._begun.get(key)
        if begun is not None and now < begun + PACE:
            self.add_at(key, begun + PACE)
        else:
            self._put(key, now)

    def add_at(self, key: K, when: float) -> None:
        """Work on *key* at *when*, which is never put off. A key has one such date, the earliest it was given."""
        if self._later.get(key, when + 1) > when:
            self._later[key] = when
            self._serial += 1
            heappush(self._timers, (when, self._serial, key))
            self._forget_superseded()

    def take(self, now: float) -> K | None:
        """The key that waits longest, now being worked on until `done`; None when none waits."""
        self._ring(now)
        key = next(iter(self._waiting), None)
        if key is not None:
            del self._waiting[key]
            self._working.add(key)
            self._begin(key, now)
        return key

    def done(self, key: K) -> None:
        """The work that `take` began is over."""
        self._working.discard(key)
        if key in self._again:
            self._waiting.setdefault(key, self._again.pop(key))

    def retry(self, key: K, now: float) -> float:
        """`add_at` after a delay that doubles with each failure since `forget`: 5 ms to 300 s. The delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        longest = min(LONGEST_RETRY, math.ldexp(SHORTEST_RETRY, min(failures, _DOUBLINGS)))
        delay = longest * random.uniform(1 - _JITTER, 1)  # noqa: S311 - spreads load, protects nothing
        self.add_at(key, now + delay)
        return delay

    def forget(self, key: K) -> None:
        """The next failure of *key* counts as its first."""
        self._failures.pop(key, None)

    def drop(self, key: K) -> None:
        """Forget the date and the failures of *key*, which is no more. Where it waits, it is still worked on."""
        self.forget(key)
        self._later.pop(key, None)
        self._forget_superseded()

    def next_date(self) -> float | None:
        """When a key that nobody adds before becomes due."""
        self._drop_superseded()
        return self._timers[0][0] if self._timers else None

    def depth(self) -> int:
        """Number of keys that wait."""
        return len(self._waiting)

    def age(self, now: float) -> float:
        """Seconds for which the longest waiting key has waited; 0 when none waits."""
        return now - min(self._waiting.values(), default=now)

    def _ring(self, now: float) -> None:
        while (date := self.next_date()) is not None and date <= now:
            _, _, key = heappop(self._timers)
            del self._later[key]
            self._put(key, date)

    def _put(self, key: K, now: float) -> None:
        (self._again if key in self._working else self._waiting).setdefault(key, now)

    def _begin(self, key: K, now: float) -> None:
        self._begun.pop(key, None)
        self._begun[key] = now
        while self._begun[first := next(iter(self._begun))] + PACE <= now:
            del self._begun[first]

    def _drop_superseded(self) -> None:
        while self._timers and self._later.get(self._timers[0][2]) != self._timers[0][0]:
            heappop(self._timers)

    def _forget_superseded(self) -> None:
        """Drop what is superseded once that is most: whoever brings looks forward in a loop leaves far dates behind."""
        if len(self._timers) > 2 * len(self._later) + _FEW:
            self._timers = [(when, place, key) for place, (key, when) in enumerate(self._later.items())]
            self._serial = len(self._timers)
            heapify(self._timers)
