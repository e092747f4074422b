"""
Interruption by SIGTERM (preemption) or Ctrl-C: at once where nothing would be lost, else at the end of a step.

A request raises `Preempted`; where it is deferred, the block saves first.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from atlas_api.errors import Preempted

REPEAT_SECONDS = 3.0
"""Time after which a request is repeated that a library has swallowed, as torch does here and there in its imports."""


class Interrupt:
    """A request to stop the run, or none yet. Install in the main thread."""

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False
        self._repeating = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT inside the block."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, self._handle) for number in numbers]
        try:
            yield
        finally:
            self._stop_repeating()
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a request inside the block only set `requested`, for the block to obey; a second Ctrl-C is obeyed here.

        So does a request from before the block that nobody may have noticed. A second SIGTERM is not obeyed: a cluster
        sends several, and kills by itself when its patience ends.
        """
        self.requested = self.requested or self._repeating
        self._stop_repeating()
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if not self._deferred or (self.requested and number == signal.SIGINT):
            self._repeat(number)
            name = signal.Signals(number).name
            raise Preempted(f"stopped by {name}; the next attempt continues from the last checkpoint")
        if not self.requested:
            sys.stderr.write("\nstopping after this step with a checkpoint; Ctrl-C to stop at once\n")
        self.requested = True

    def _repeat(self, number: int) -> None:
        """Repeat the request until the block ends, or somebody has noticed it."""
        self._repeating = True
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(number))
        signal.setitimer(signal.ITIMER_REAL, REPEAT_SECONDS)

    def _stop_repeating(self) -> None:
        if self._repeating:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._repeating = False
