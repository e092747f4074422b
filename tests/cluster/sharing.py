"""One cluster for several processes of one test run: the first that asks brings it up, the others join.

The fixtures call it, for the workers of pytest-xdist. It knows files and locks; what a cluster is, it does not.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path


@contextmanager
def shared(folder: Path, brought_up: Callable[[], AbstractContextManager[Path]]) -> Iterator[Path]:
    """The kubeconfig of `brought_up`, the same for all processes with the same `folder`.

    Its processes die with the one that brought it up: that one stays until the others have left.
    """
    note = folder / "kubeconfig"
    with ExitStack() as stack:
        with locked(folder / "note.lock"):
            if note.exists():
                stack.enter_context(locked(folder / "guests.lock", shared=True))
            else:
                note.write_text(str(stack.enter_context(brought_up())))
                stack.callback(_wait_for_guests, folder)
        yield Path(note.read_text())


@contextmanager
def locked(file: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock that goes away with this process. Others may hold it at the same time if all of them share it."""
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def _wait_for_guests(folder: Path) -> None:
    while not _closed(folder):
        time.sleep(0.2)


def _closed(folder: Path) -> bool:
    """Whether nobody is there and nobody will come any more: who asks from now on brings up another one."""
    with locked(folder / "note.lock"), (folder / "guests.lock").open("w") as guests:
        try:
            fcntl.flock(guests, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        (folder / "kubeconfig").unlink()
        return True
