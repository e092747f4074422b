"""What judging may still cost. Pure: the caller tells it the time. Used by `calls`, one for all models."""

from collections import deque

from atlas_api.judging import Budget

_BUCKETS = 60
_MINUTE, _HOUR = 60.0, 3600.0


class SlidingWindow:
    """An amount over the last *seconds*, to a sixtieth of them; it rather remembers too long than too short."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._step = seconds / _BUCKETS
        self._buckets: deque[tuple[int, float]] = deque()
        self._total = 0.0

    def add(self, amount: float, now: float) -> None:
        """Count *amount* now; a negative one takes back what was counted too much."""
        number = int(now // self._step)
        before = self._buckets.pop()[1] if self._buckets and self._buckets[-1][0] >= number else 0.0
        self._buckets.append((number, before + amount))
        self._total += amount

    def total(self, now: float) -> float:
        """What was counted in the last *seconds*."""
        oldest = int((now - self._seconds) // self._step)
        while self._buckets and self._buckets[0][0] < oldest:
            self._total -= self._buckets.popleft()[1]
        return self._total


class Purse:
    """
    Counts calls and tokens against a `Budget`.

    A call is counted with the tokens of its prompt before it is made, and with those of its answer when that is there:
    calls in flight can overrun the tokens by their answers, and by no more.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._calls = SlidingWindow(_MINUTE)
        self._tokens = SlidingWindow(_HOUR)

    def refusal(self, tokens: int, now: float) -> str | None:
        """Why a call with a prompt of *tokens* cannot be paid; None when it can."""
        calls, limit = self._budget.calls_per_minute, self._budget.tokens_per_hour
        if calls is not None and self._calls.total(now) + 1 > calls:
            return f"budget.callsPerMinute of {calls} is used up"
        if limit is not None and self._tokens.total(now) + tokens > limit:
            return f"budget.tokensPerHour of {limit} is used up"
        return None

    def spend(self, tokens: int, now: float) -> None:
        """Count a call and the tokens of its prompt."""
        self._calls.add(1, now)
        self._tokens.add(tokens, now)

    def settle(self, more: int, now: float) -> None:
        """Count *more* tokens, or fewer, of a call that was counted before."""
        self._tokens.add(more, now)
