"""
Whose turn it is to be heard. Used by the ensemble, one for all that it scores; knows nothing about judges.

Without it every case of a batch would be prepared before the first call leaves, and all would then move in step: the
answers arrive together, and the next calls wait until the last of them has been read.
"""

import asyncio
import time

_TOGETHER = 16
"""Turns that begin at once. One by one each call would wake the network and the judge anew, which costs more time than
the first call gains."""


class Turns:
    """At most *limit* at a time, in the order of asking. Who asks for one after the other shares fairly with others."""

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)
        self._begun = 0

    async def take(self, deadline: float) -> bool:
        """Wait for a turn. False: there was none before *deadline*, a moment of `time.monotonic`."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                if self._begun % _TOGETHER == 0:
                    await asyncio.sleep(0)  # whoever had a turn before gets on with it first
                await self._free.acquire()
        except TimeoutError:
            return False
        self._begun += 1
        if time.monotonic() < deadline:
            return True
        self.give_back()
        return False

    def give_back(self) -> None:
        """The turn is over."""
        self._free.release()
