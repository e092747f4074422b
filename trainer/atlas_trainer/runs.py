"""
Which run is next: continue the one that was interrupted, or start another beside it.

Called by `atlas-core run`. The decision is pure; what it needs is read from the store's `status.json`.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from atlas_api import AtlasTraining, TrainingRun, parse_json
from atlas_api.errors import RunActive
from atlas_api.status import LocalStatus
from atlas_trainer.store import LocalStore, Store

_RUN = re.compile(r"/run-(\d{4,})/")


def next_run(
    training: AtlasTraining, status: LocalStatus | None, newest: int, fresh: bool, now: datetime
) -> TrainingRun:
    """The attempt to start now.

    *status* is the last one written, *newest* the highest run number in the store (0: none). An interrupted run of
    the same recipe continues as its next attempt, unless *fresh*; everything else starts run *newest* + 1.
    """
    number, attempt, started_at = newest + 1, 1, now
    if status is not None and not fresh and _can_continue(status, training.spec.hash(), newest):
        number, attempt, started_at = status.run.number, status.run.attempt + 1, status.run.started_at
    return TrainingRun(
        name=training.metadata.name,
        namespace=training.metadata.namespace,
        number=number,
        attempt=attempt,
        started_at=started_at,
        spec=training.spec,
    )


def _can_continue(status: LocalStatus, spec_hash: str, newest: int) -> bool:
    unfinished = status.phase in ("Running", "Interrupted")
    return unfinished and status.run.spec_hash == spec_hash and status.run.number == newest


def read_status(store: Store, training: AtlasTraining) -> LocalStatus | None:
    """The status that the last run left in the store."""
    data = store.read(f"{training.key}/status.json")
    return parse_json(LocalStatus, data) if data else None


def newest_run(store: Store, training: AtlasTraining) -> int:
    """The highest run number in the store, 0 when there is none."""
    return max((int(found[1]) for key in store.list(training.key) if (found := _RUN.search(key))), default=0)


def training_folder(key: str, store: Store) -> Path:
    """Where a training works on this machine: in the store when that is a folder, else in the user's cache."""
    if isinstance(store, LocalStore):
        return store.root / key
    return cache_folder() / "runs" / store.uri(key).removeprefix("s3://")


def cache_folder() -> Path:
    """What may be lost, on this machine. It is made when missing."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "atlas-core"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def work_folder(run: TrainingRun, store: Store) -> Path:
    """Where this run works on this machine."""
    key, _, name = run.folder.rpartition("/")
    return training_folder(key, store) / name


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a training on this machine. Raises `RunActive` when another process does. kill -9 frees it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunActive(f"another process is training in {folder}; wait for it or stop it first") from None
        yield
