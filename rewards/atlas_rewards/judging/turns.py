"""
Whose turn it is to be heard. Used by the ensemble, one for all that it scores; knows nothing about judges.

Without it every case of a batch would be prepared before the first call leaves, and all would then move in step: the
answers arrive together, and the next calls wait until the last of them has been read.
"""

import asyncio
import time


class Turns:
    """At most *limit* at a time, in the order of asking. Who asks for one after the other shares fairly with others."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)

    async def take(self, deadline: float) -> bool:
        """Wait for a turn. False: there was none before *deadline*, a moment of `time.monotonic`."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await asyncio.sleep(0)  # whoever had a turn before gets on with it first
                await self._free.acquire()
        except TimeoutError:
            return False
        return True

    def give_back(self) -> None:
        """The turn is over."""
        self._free.release()
