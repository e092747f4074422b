"""Load shedding: how many items the service holds, taken and not yet answered. Pure."""

from collections.abc import Iterator
from contextlib import contextmanager

from atlas_rewards.server.http.request_error import RequestError

_LONGEST = 30


class Admission:
    """Counts the items that the service holds."""

    def __init__(self) -> None:
        self.waiting = 0
        """Items taken and not yet answered."""

        self._usual = 1.0

    def check(self, items: int, limit: int) -> None:
        """Raise RequestError when there is no room for *items* now."""
        if self.waiting + items > limit:
            message = f"{self.waiting} items are waiting and {limit} may; send this request again later"
            raise RequestError(429, "busy", message, self.retry_after)

    @contextmanager
    def take(self, items: int, limit: int) -> Iterator[None]:
        """Hold *items* inside. Raises RequestError when that would be more than *limit*."""
        if items > limit:
            raise RequestError(
                413, "tooManyItems", f"{items} items are more than the service holds ({limit}); send fewer"
            )
        self.check(items, limit)
        self.waiting += items
        try:
            yield
        finally:
            self.waiting -= items

    def answered(self, seconds: float) -> None:
        """A request took *seconds*."""
        self._usual += 0.1 * (seconds - self._usual)

    @property
    def retry_after(self) -> int:
        """Seconds after which there is probably room: what requests took lately."""
        return max(1, min(_LONGEST, round(self._usual)))
