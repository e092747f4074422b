"""
Answers in a SQLite file that several processes may share.

One thread does all the work on it, so that a slow disk never holds up the event loop. A file that fails later (disk
full, damaged) costs answers that must be asked for again, and a warning; never a score. The least recently used answers
are removed from time to time, by whichever process writes.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from atlas_api.errors import InvalidManifest
from atlas_rewards.llm.chat_completion import Completion

T = TypeVar("T")

_log = logging.getLogger(__name__)
_WAIT_FOR_OTHERS = 5.0
"""Seconds to wait for another process. Who waited in vain does not wait again until a write succeeds: the waits of many
answers would add up."""

_TABLE = """CREATE TABLE IF NOT EXISTS answers
(key TEXT PRIMARY KEY, text TEXT NOT NULL, tokens INTEGER, used REAL NOT NULL)"""
_ORDER = "CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used)"
_PRUNE = """DELETE FROM answers WHERE rowid IN
(SELECT rowid FROM answers ORDER BY used LIMIT max(0, (SELECT count(*) FROM answers) - ?))"""

MOST = 1_000_000
"""Answers that stay in a file, unless more are wanted in memory: about 2 GB."""

_PUTS_A_PRUNE = 1000
_SAME_USE = 3600.0
"""Seconds for which an answer that was used is not marked again: marks are writes."""


class CacheFile:
    """Completions by key. What was put is there after a kill -9; after a power cut the newest may be missing."""

    def __init__(self, path: Path, most: int, clock: Callable[[], float] = time.time) -> None:
        """Opens or makes the file, which keeps about *most* answers. Raises InvalidManifest when that cannot be done.

        *clock* gives seconds that other processes and later runs count the same way.
        """
        self._path = path
        self._most = most
        self._clock = clock
        self._puts = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge-cache")
        self._healthy = True
        try:
            self._database = sqlite3.connect(
                path, timeout=_WAIT_FOR_OTHERS, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_TABLE)
            self._database.execute(_ORDER)
        except sqlite3.Error as error:
            raise InvalidManifest([f"cache.path: {path} cannot be used ({error}); name a writable file"]) from None
        self._thread.submit(self._careful, self._prune)

    async def get(self, key: str, patience: float | None = None) -> Completion | None:
        """What is in the file. One that takes longer than *patience* seconds, because others write to it, has nothing.

        None: wait as long as it takes.
        """
        read = asyncio.get_running_loop().run_in_executor(self._thread, self._careful, self._read, key)
        try:
            async with asyncio.timeout(patience):
                row = await read
        except TimeoutError:
            return None
        if row is None:
            return None
        text, tokens, used = row
        if used + _SAME_USE < self._clock():
            self._thread.submit(self._careful, self._mark, key)
        return Completion(text, tokens)

    def put(self, key: str, completion: Completion) -> None:
        """Write it, soon."""
        self._thread.submit(self._careful, self._write, key, completion)

    async def close(self) -> None:
        """Wait until everything is written."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._database.close)
        except RuntimeError:  # the program ends: the thread has written everything and takes no more work
            self._database.close()
        self._thread.shutdown()

    def _read(self, key: str) -> tuple[str, int | None, float] | None:
        cursor = self._database.execute("SELECT text, tokens, used FROM answers WHERE key = ?", (key,))
        row: tuple[str, int | None, float] | None = cursor.fetchone()
        return row

    def _mark(self, key: str) -> None:
        self._database.execute("UPDATE answers SET used = ? WHERE key = ?", (self._clock(), key))

    def _write(self, key: str, completion: Completion) -> None:
        text = completion.text.encode("utf-8", "replace").decode()  # a lone surrogate would be refused
        row = (key, text, completion.tokens, self._clock())
        self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", row)
        self._note(healthy=True)
        self._puts += 1
        if self._puts % min(_PUTS_A_PRUNE, self._most // 100 + 1) == 0:
            self._prune()

    def _prune(self) -> None:
        # One statement, so that of two processes the second counts what the first has left.
        self._database.execute(_PRUNE, (self._most,))

    def _careful(self, work: Callable[..., T], *arguments: object) -> T | None:
        try:
            return work(*arguments)
        except sqlite3.Error as error:
            if self._healthy:
                _log.warning("judges' answers are not remembered in %s: %s", self._path, error)
            self._note(healthy=False)
            return None

    def _note(self, *, healthy: bool) -> None:
        if healthy != self._healthy:
            self._healthy = healthy
            self._database.execute(f"PRAGMA busy_timeout = {_WAIT_FOR_OTHERS * 1000 if healthy else 0:.0f}")
