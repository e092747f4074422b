"""
Fair semaphore: work begins in the order in which it was asked for, and several batches share the places.

Without it every case of a batch would be prepared before the first call leaves, and all would then move in step: the
answers arrive together, and the next calls wait until the last of them has been read.
"""

import asyncio
import time

_TOGETHER = 16
"""Pieces of work that begin together. One by one each call would wake network and judge anew, which costs more time
than the first call gains."""


class FairSemaphore:
    """Admits at most *limit* at a time, in the order of asking, so that batches share fairly."""

    def __init__(self, limit: int) -> None:
        self._places = asyncio.Semaphore(limit)
        self._admitted = 0

    async def acquire(self, deadline: float) -> bool:
        """Wait for a place. False: there was none before *deadline*, a moment of `time.monotonic`."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                if self._admitted % _TOGETHER == 0:
                    await asyncio.sleep(0)  # whoever got a place before gets on with it first
                await self._places.acquire()
        except TimeoutError:
            return False
        self._admitted += 1
        if time.monotonic() < deadline:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Give the place back."""
        self._places.release()
