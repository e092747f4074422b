"""Statistics of calls, one record a model: for hedging, status and metrics. Pure."""

from bisect import bisect_left, insort
from collections import Counter, deque
from dataclasses import dataclass
from math import ceil, inf

from atlas_rewards.llm.answer import Reason
from atlas_rewards.llm.circuit_breaker import BreakerState

WINDOW = 1000
"""Calls that "lately" means."""

ENOUGH = 20
"""Latencies below which a percentile is no ground to act on."""


@dataclass(frozen=True, slots=True)
class CallStatistics:
    """What became of the calls of one model since the start, or of its last 1,000 where the field says so."""

    model: str
    base_url: str
    state: BreakerState
    """State of the circuit breaker."""

    calls: int
    """Retries and hedges included."""

    answered: int
    abandoned: int
    """Calls that were given up: the other one of a hedge was faster, or nobody waited any longer."""

    failures: dict[Reason, int]
    """Calls that failed, and requests that got none (`circuitOpen`, `overBudget`), by reason."""

    hedges: int
    """Hedged requests: second ones because the first took long."""

    tokens: int
    in_flight: int
    error_rate: float | None
    """Share of the last 1,000 calls; None before the first has ended."""

    p50_seconds: float | None
    """Median of the last 1,000 latencies, which are those of answers, and of calls that were given up when they had
    taken longer than half of those before (a hedge was faster); None before the first."""

    p99_seconds: float | None


class Latencies:
    """The last 1,000 latencies, in seconds."""

    def __init__(self) -> None:
        self._arrived: deque[float] = deque()
        self._sorted: list[float] = []

    def __len__(self) -> int:
        return len(self._sorted)

    def add(self, seconds: float) -> None:
        if len(self._arrived) == WINDOW:
            del self._sorted[bisect_left(self._sorted, self._arrived.popleft())]
        self._arrived.append(seconds)
        insort(self._sorted, seconds)

    def percentile(self, percent: float) -> float | None:
        """The smallest latency that at least *percent* of them do not exceed; None when there are none."""
        if not self._sorted:
            return None
        return self._sorted[max(0, ceil(len(self._sorted) * percent / 100) - 1)]


class CallRecord:
    """Counts the calls of one model."""

    def __init__(self) -> None:
        self.calls = self.hedges = self.tokens = self.in_flight = self.abandoned = 0
        self._answered = 0
        self.failures: Counter[Reason] = Counter()
        self.latencies = Latencies()
        self._lately: deque[bool] = deque(maxlen=WINDOW)

    def answered(self, seconds: float) -> None:
        self._answered += 1
        self.latencies.add(seconds)
        self._lately.append(False)

    def failed(self, reason: Reason) -> None:
        self.failures[reason] += 1
        self._lately.append(True)

    def given_up(self, seconds: float) -> None:
        """Nobody waits any longer for a call after *seconds*.

        A slow one counts as a latency: without those whose hedge was faster, each hedge would make the next sooner.
        What a fast one would have taken is unknown.
        """
        self.abandoned += 1
        if seconds > (self.latencies.percentile(50) or inf):
            self.latencies.add(seconds)

    def not_asked(self, reason: Reason) -> None:
        """A request was given up before a call; that says nothing about the model."""
        self.failures[reason] += 1

    def hedge_after(self, percent: float | None) -> float | None:
        """Seconds after which a call is slower than *percent* of those before. None: not known, or not wanted."""
        if percent is None or len(self.latencies) < ENOUGH:
            return None
        return self.latencies.percentile(percent)

    def snapshot(self, model: str, base_url: str, state: BreakerState) -> CallStatistics:
        return CallStatistics(
            model=model,
            base_url=base_url,
            state=state,
            calls=self.calls,
            answered=self._answered,
            abandoned=self.abandoned,
            failures=dict(self.failures),
            hedges=self.hedges,
            tokens=self.tokens,
            in_flight=self.in_flight,
            error_rate=sum(self._lately) / len(self._lately) if self._lately else None,
            p50_seconds=self.latencies.percentile(50),
            p99_seconds=self.latencies.percentile(99),
        )
