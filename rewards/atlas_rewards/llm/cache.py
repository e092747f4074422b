"""Cache of answers: in memory (LRU: the least recently used is forgotten first), and perhaps in a file below."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from atlas_api.rewardservice.judging import Cache
from atlas_rewards.llm.cache_file import MOST, CacheFile
from atlas_rewards.llm.chat_completion import Completion

Memory = OrderedDict[str, Completion]
"""Answers by key, the least recently used first."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """How often a request had an answer already. Those that shared the answer to an identical one are not counted."""

    entries: int
    """Answers in memory."""

    hits: int
    misses: int


class AnswerCache:
    """Completions by key. Belongs to one event loop."""

    def __init__(self, settings: Cache, memory: Memory | None = None) -> None:
        """*memory* may be shared with other caches. Raises InvalidManifest when the file cannot be used."""
        self._entries = memory if memory is not None and settings.entries else Memory()
        self._limit = settings.entries
        self._file = CacheFile(Path(settings.path), max(settings.entries, MOST)) if settings.path else None
        self._hits = self._misses = 0

    def recent(self, key: str) -> Completion | None:
        """The answer in memory. Counts as a hit, or not at all."""
        completion = self._entries.get(key)
        if completion is not None:
            self._entries.move_to_end(key)
            self._hits += 1
        return completion

    async def get(self, key: str, patience: float | None = None) -> Completion | None:
        """The answer in memory or in the file. Counts as a hit or a miss; a file that takes longer than *patience*
        seconds as a miss.
        """
        completion = self.recent(key)
        if completion is not None:
            return completion
        if self._file is not None and (completion := await self._file.get(key, patience)) is not None:
            self._remember(key, completion)
        self._hits += completion is not None
        self._misses += completion is None
        return completion

    def put(self, key: str, completion: Completion) -> None:
        """Remember *completion*; the file has it a moment later."""
        self._remember(key, completion)
        if self._file is not None:
            self._file.put(key, completion)

    def statistics(self) -> CacheStatistics:
        return CacheStatistics(len(self._entries), self._hits, self._misses)

    async def close(self) -> None:
        """Wait until the file has everything."""
        if self._file is not None:
            await self._file.close()

    def _remember(self, key: str, completion: Completion) -> None:
        self._entries[key] = completion
        self._entries.move_to_end(key)
        while len(self._entries) > self._limit:
            self._entries.popitem(last=False)
