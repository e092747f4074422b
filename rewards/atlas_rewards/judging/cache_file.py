"""
Answers in a SQLite file that several processes may share. Used by `cache`.

One thread does all the work on it, so that a slow disk never holds up the event loop. A file that fails later (disk
full, damaged) costs answers that must be asked for again, and a warning; never a score.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from atlas_api.errors import InvalidManifest
from atlas_rewards.judging.completion import Completion

T = TypeVar("T")

_LOG = logging.getLogger(__name__)
_WAIT_FOR_OTHERS = 5.0
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, text TEXT NOT NULL, tokens INTEGER) WITHOUT ROWID"


class CacheFile:
    """Completions by key. What was put is there after a kill -9; after a power cut the newest may be missing."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises InvalidManifest when that cannot be done."""
        self._path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="judge-cache")
        self._healthy = True
        try:
            self._database = sqlite3.connect(
                path, timeout=_WAIT_FOR_OTHERS, isolation_level=None, check_same_thread=False
            )
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_TABLE)
        except sqlite3.Error as error:
            raise InvalidManifest([f"cache.path: {path} cannot be used ({error}); name a writable file"]) from None

    async def get(self, key: str) -> Completion | None:
        """What is in the file."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._careful, self._read, key)

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

    def _read(self, key: str) -> Completion | None:
        row = self._database.execute("SELECT text, tokens FROM answers WHERE key = ?", (key,)).fetchone()
        return None if row is None else Completion(*row)

    def _write(self, key: str, completion: Completion) -> None:
        text = completion.text.encode("utf-8", "replace").decode()  # a lone surrogate would be refused
        self._database.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?)", (key, text, completion.tokens))

    def _careful(self, work: Callable[..., T], *arguments: object) -> T | None:
        try:
            result = work(*arguments)
        except sqlite3.Error as error:
            if self._healthy:
                _LOG.warning("judges' answers are not remembered in %s: %s", self._path, error)
            self._healthy = False
            return None
        self._healthy = True
        return result
