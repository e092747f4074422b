"""Whether the API server answers: said in the log when it no longer does, and when it does again."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PATIENCE = 8.0
"""Seconds without a word after which it counts as silent; a request is given up much later."""

_log = logging.getLogger(__name__)


class Reachability:
    """What the requests to the API server at *host* say of it."""

    def __init__(self, host: str, clock: Callable[[], float] = time.monotonic, patience: float = _PATIENCE) -> None:
        self._host = host
        self._clock = clock
        self._patience = patience
        self._silent_since: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """The time of one request, from its beginning to its end."""
        why = f"no word for {self._patience:.0f} s"
        late = asyncio.get_running_loop().call_later(self._patience, self.failed, why)
        try:
            yield
        finally:
            late.cancel()

    def answered(self) -> None:
        """Note an answer, if only that the server is busy."""
        if self._silent_since is not None:
            silent = self._clock() - self._silent_since
            _log.info("the API server at %s answers again, after %.0f s", self._host, silent)
            self._silent_since = None

    def failed(self, why: str) -> None:
        """Note that the server could not be asked, or did not answer."""
        if self._silent_since is None:
            self._silent_since = self._clock()
            _log.warning("the API server at %s does not answer: %s; it is asked again and again", self._host, why)
