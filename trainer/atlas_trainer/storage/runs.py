"""
Runs in a store: which one is next (resume the interrupted one, or start another beside it), and where each one lives.

The decision is pure; what it needs is read from the store's `status.json`. Two processes of one machine never train the
same training: `locked`.
"""

import fcntl
import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from atlas_api import AtlasTraining, InvalidManifest, TrainingRun, parse
from atlas_api.errors import RunActive
from atlas_api.inputs.budgets import RUN_FILE, STATUS, decode_json
from atlas_api.text import one_line
from atlas_api.training.status import LocalStatus
from atlas_trainer.storage.file_errors import write_errors
from atlas_trainer.storage.file_list import DamagedError
from atlas_trainer.storage.put_aside import in_place, put_aside
from atlas_trainer.storage.store import LocalStore, Store

_log = logging.getLogger(__name__)

_RUN = re.compile(r"run-([0-9]{4,12})/")
_SHOWN = 300
_MOVE_AWAY = "use the version of atlas-core that wrote it, or move it away"


def next_run(
    training: AtlasTraining, status: LocalStatus | None, newest: int, fresh: bool, now: datetime
) -> TrainingRun:
    """The attempt to start now: another one of the interrupted run, or the first of a new run.

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
    """The status that the last run left in the store. Raises `InvalidManifest`."""
    key = f"{training.key}/status.json"
    try:
        data = store.read(key, STATUS)
    except ValueError as error:
        raise InvalidManifest([f"{store.uri(key)}: {error}; {_MOVE_AWAY}"]) from None
    return status_in(data, store.uri(key)) if data is not None else None


def status_in(data: bytes, where: str) -> LocalStatus:
    """The status in *data*, the content of the file *where*. Raises `InvalidManifest` when it holds something else."""
    try:
        return parse(LocalStatus, _mapping(data))
    except ValueError as error:
        raise InvalidManifest([f"{where}: not valid JSON: {error}; {_MOVE_AWAY}"]) from None
    except InvalidManifest as error:
        raise InvalidManifest([f"{where}: {problem}; {_MOVE_AWAY}" for problem in error.problems]) from None


def read_status_file(path: Path) -> LocalStatus | None:
    """The status in a file on this machine, None when there is none. Raises `InvalidManifest`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait without end
            raise InvalidManifest([f"{path}: is no regular file; {_MOVE_AWAY}"])
        with path.open("rb") as file:
            data = file.read(STATUS.bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidManifest([f"{path}: cannot be read: {error.strerror}; {_MOVE_AWAY}"]) from None
    return status_in(data, str(path))


def put_aside_unreadable_status(path: Path) -> None:
    """Rename a status that cannot be read, beside which a cluster has another one: it must not end attempts."""
    try:
        read_status_file(path)
    except InvalidManifest as error:
        why = one_line(str(error), _SHOWN)
        _log.warning("begins without the status of earlier runs, now %s: %s", put_aside(path), why)


def _mapping(data: bytes) -> dict[str, Any]:
    document = decode_json(data, STATUS)
    if not isinstance(document, dict):
        raise DamagedError("it holds no object")
    return document


def newest_run(store: Store, training: AtlasTraining) -> int:
    """The highest run number in the store, 0 when there is none."""
    keys = (key.removeprefix(f"{training.key}/") for key in store.list(training.key))
    return max((int(found[1]) for key in keys if (found := _RUN.match(key))), default=0)


def locate(run: TrainingRun, store: Store) -> TrainingRun:
    """Give *run* a folder apart from that of an earlier training of the same name, whose files stay what they are.

    A training that was deleted and made anew counts its runs from 1 again. All processes come to the same answer.
    """
    try:
        known = store.read(_claim_key(run), RUN_FILE)
        is_mine = known is None or _started_at(known) == run.started_at
    except ValueError:
        is_mine = False
    return run if is_mine else run.model_copy(update={"apart": True})


def claim(run: TrainingRun, store: Store) -> TrainingRun:
    """Locate *run* and write into its folder whose it is, in `run.json`. For the main process alone."""
    run = locate(run, store)
    store.write(_claim_key(run), run.model_dump_json(by_alias=True, exclude_none=True, indent=2).encode())
    return run


def _claim_key(run: TrainingRun) -> str:
    return f"{run.folder}/run.json"


def _started_at(claim: bytes) -> datetime | None:
    """When the run started that claimed a folder. None for what another version may have written."""
    try:
        return datetime.fromisoformat(decode_json(claim, RUN_FILE)["startedAt"])
    except (ValueError, KeyError, TypeError):
        return None


def training_folder(key: str, store: Store) -> Path:
    """Folder on this machine that a training works in: in the store when that is a folder, else in the user's cache.

    Raises `CheckpointFailed` when a link there leads elsewhere.
    """
    if isinstance(store, LocalStore):
        return store.needed(key)
    # An address may be any text, also one that would lead out of the cache.
    return cache_folder() / "runs" / hashlib.sha256(store.uri("").encode()).hexdigest()[:16] / key


def cache_folder() -> Path:
    """Folder on this machine for what may be lost. It is made when missing."""
    return _make(Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "atlas-core")


def work_folder(run: TrainingRun, store: Store) -> Path:
    """Folder on this machine that *run* works in. It is made when missing. Raises `CheckpointFailed`."""
    key, _, name = run.folder.rpartition("/")
    return _make(training_folder(key, store) / name)


def _make(folder: Path) -> Path:
    with write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a training on this machine; kill -9 frees it.

    Raises `RunActive` when another process holds it, `CheckpointFailed` when *folder* cannot be written.
    """
    with write_errors(folder):
        lock = open(_make(folder) / ".lock", "a", opener=in_place)  # noqa: SIM115 - closed below
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunActive(f"another process is training in {folder}; wait for it or stop it first") from None
        yield
