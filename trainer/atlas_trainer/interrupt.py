"""SIGTERM and Ctrl-C: at once while nothing would be lost, at the end of the step while training."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from atlas_api.errors import Preempted


class Interrupt:
    """Whether somebody asked the run to stop. Install once, in the main thread."""

    def __init__(self) -> None:
        self.requested = False
        self._deferred = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGTERM and SIGINT inside the block."""
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, self._handle) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Inside the block a first request only sets `requested`, for the block to obey; a second is obeyed here."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._deferred and not self.requested:
            self.requested = True
            sys.stderr.write("\nstopping after this step with a checkpoint; once more to stop at once\n")
            return
        raise Preempted(f"stopped by {signal.Signals(number).name}; the next run continues from the last checkpoint")
