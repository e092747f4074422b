"""
Sync of the files that the reporter writes, between this machine and an object store.

Needed only when the store is not a folder here. Knows nothing of what the files hold.
"""

import logging
from pathlib import Path

from atlas_api import TrainingRun
from atlas_api.inputs.budgets import METRICS
from atlas_trainer.storage.atomic_file import replace_bytes
from atlas_trainer.storage.store import Store

_log = logging.getLogger(__name__)


class FileSync:
    """Copies the reporter's files of one run to an object store, and from it."""

    def __init__(self, store: Store, run: TrainingRun, folder: Path) -> None:
        self.store = store
        self.key = run.folder.rpartition("/")[0]
        self.base = folder.parent

    def upload(self, path: Path) -> None:
        """Copy a file of the run into the store."""
        self.store.write(self._key(path), path.read_bytes())

    def download(self, *paths: Path) -> None:
        """Make files here what they are in the store, the truth: another machine may have gone on meanwhile."""
        for path in paths:
            data = self._read(self._key(path))
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_bytes(path, data)

    def _read(self, key: str) -> bytes | None:
        try:
            return self.store.read(key, METRICS)
        except ValueError as error:
            _log.warning("%s is passed over: %s", self.store.uri(key), error)
            return None

    def _key(self, path: Path) -> str:
        return f"{self.key}/{path.relative_to(self.base).as_posix()}"
