"""
Interruption by a signal: at once where nothing would be lost, else at the end of a step.

SIGTERM is preemption, SIGINT is Ctrl-C, SIGHUP is a terminal that was closed. Each ends a run with an error of its own
(`STOPPED_BY`); where a request is deferred, the block saves first. What a parent process has set to be ignored stays
ignored: `nohup` means it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from atlas_api.errors import STOPPED_BY, AtlasError

REPEAT_SECONDS = 3.0
"""Time after which a request is repeated that a library has swallowed, as torch does here and there in its imports."""

_STDERR = 2
_DEFERRED = b"\nstopping after this step with a checkpoint; Ctrl-C to stop at once\n"
_AT_ONCE = "the next attempt continues from the last checkpoint"
_SAID = {
    signal.SIGHUP: "stopped, since the terminal was closed (SIGHUP)",
    signal.SIGINT: "interrupted by Ctrl-C (SIGINT)",
    signal.SIGTERM: "preempted (SIGTERM)",
}


class Interrupt:
    """A request to stop the run, or none yet. Install in the main thread."""

    def __init__(self) -> None:
        self.asked_by: signal.Signals | None = None
        """The signal that asked the run to stop; None as long as it may go on."""

        self._deferred = False
        self._repeated: signal.Signals | None = None

    @property
    def requested(self) -> bool:
        """Whether the run is to stop."""
        return self.asked_by is not None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGTERM, SIGINT and SIGHUP inside the block, and SIGALRM once a request has to be repeated."""
        before = {number: signal.getsignal(number) for number in STOPPED_BY}
        alarm = signal.getsignal(signal.SIGALRM)
        heard = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
        for number in heard:
            signal.signal(number, self._handle)
        try:
            yield
        finally:
            self._stop_repeating()
            for number, handler in {**heard, signal.SIGALRM: alarm}.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a request inside the block only set `asked_by`, for the block to obey; a second Ctrl-C is obeyed here.

        So does a request from before the block that nobody may have noticed. A second SIGTERM or SIGHUP is not obeyed:
        clusters and shells send several, and kill by themselves when their patience ends.
        """
        self.asked_by = self.asked_by or self._repeated
        self._stop_repeating()
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    @contextmanager
    def undisguised(self) -> Iterator[None]:
        """Raise a request that was obeyed inside the block as its own error, whatever a library has made of it.

        The error of a signal arises wherever the program is just then, for example inside a library that takes it for a
        failure of its own and raises that instead, as pydantic does.
        """
        try:
            yield
        except Exception as error:
            if self._repeated is None or isinstance(error, tuple(STOPPED_BY.values())):
                raise
            raise _error(self._repeated, _AT_ONCE) from error

    def error(self, outcome: str) -> AtlasError:
        """The error that the request is: what asked, and the *outcome*."""
        return _error(self.asked_by or signal.SIGTERM, outcome)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        asked_by = signal.Signals(number)
        if not self._deferred or (self.requested and asked_by is signal.SIGINT):
            self._repeat(asked_by)
            raise _error(asked_by, _AT_ONCE)
        if not self.requested:
            self.asked_by = asked_by
            # Not by sys.stderr, which may be in the middle of a line: it refuses to be entered twice. A terminal that
            # was closed takes nothing.
            with suppress(OSError):
                os.write(_STDERR, _DEFERRED)

    def _repeat(self, asked_by: signal.Signals) -> None:
        """Repeat the request until the block ends, or somebody has noticed it."""
        self._repeated = asked_by
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(asked_by))
        signal.setitimer(signal.ITIMER_REAL, REPEAT_SECONDS)

    def _stop_repeating(self) -> None:
        if self._repeated is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._repeated = None


def _error(asked_by: signal.Signals, outcome: str) -> AtlasError:
    return STOPPED_BY[asked_by](f"{_SAID[asked_by]}; {outcome}")
