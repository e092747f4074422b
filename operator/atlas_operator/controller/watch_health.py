"""Health of the watches, judged by what their HTTP requests came to.

A watch is opened anew at the latest every five minutes, and when it is
silent for 70 s: so its last opening tells its state. Pure, but for the clock.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

REOPENED = 300
"""The API server is asked to end a watch after this many seconds."""

_PATIENCE = 30.0
_SILENCE = REOPENED + 150.0
_DEAF = 2 * REOPENED


@dataclass(slots=True)
class _Watch:
    opened: float | None = None
    failing_since: float | None = None
    failure: str = ""


class WatchHealth:
    """State of all watches, by the path that each of them watches. Written from one thread, read from another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watches: dict[str, _Watch] = {}
        self._missing = "the watches have not begun"
        self._heard = clock()

    def begin(self, paths: Iterable[str]) -> None:
        """From now on these are watched."""
        self._heard = self._clock()
        self._watches = {path: _Watch() for path in paths}
        self._missing = ""

    def interrupt(self, why: str) -> None:
        """Nothing is watched at present."""
        self._heard = self._clock()
        self._watches = {}
        self._missing = why

    def opened(self, path: str) -> None:
        """The watch of *path* is open."""
        if path in self._watches:
            self._heard = self._clock()
            self._watches[path] = _Watch(opened=self._heard)

    def failed(self, path: str, failure: str) -> None:
        """Listing or watching *path* failed."""
        if (watch := self._watches.get(path)) is not None:
            self._heard = self._clock()
            watch.failing_since = self._clock() if watch.failing_since is None else watch.failing_since
            watch.failure = failure

    def failing(self, seconds: float) -> str:
        """A watch that has been failing for so long at least, and why; empty when there is none."""
        since = self._clock() - seconds
        watches = self._watches.items()
        late = (
            (path, each) for path, each in watches if each.failing_since is not None and each.failing_since <= since
        )
        return next((f"watching {path} fails: {each.failure}" for path, each in late), "")

    def deaf(self) -> str:
        """Why only a new process helps: no watch was opened, failed or waited for since long. Empty when none is.

        An API server that is away is no reason: watches of it fail again and again.
        """
        silent = self._clock() - self._heard
        return f"no watch was opened, and none has failed, for {silent:.0f} s" if silent > _DEAF else ""

    def problem(self) -> str:
        """What is wrong, in one sentence; empty when everything is watched."""
        now = self._clock()
        return self._missing or next((text for path in self._watches if (text := self._problem_of(path, now))), "")

    def _problem_of(self, path: str, now: float) -> str:
        watch = self._watches[path]
        if watch.failing_since is not None and (watch.opened is None or now - watch.failing_since > _PATIENCE):
            return f"watching {path} has been failing for {now - watch.failing_since:.0f} s: {watch.failure}"
        if watch.opened is None:
            return f"{path} is not yet watched"
        if now - watch.opened > _SILENCE:
            return f"the watch of {path} has been silent for {now - watch.opened:.0f} s"
        return ""
