"""Starts, watches and stops the processes of a cluster. A process is known by its PID and its start time.

Every component uses it. It knows no component; it knows Linux: /proc, and `setpriv` of util-linux.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.programs.place import Place

_TAIL = 25
_POLL = 0.1
_BURIAL_SECONDS = 20
"""How long the kernel may take to end a process that was killed."""
PATIENCE = 120.0
"""Seconds without a sign of progress after which nobody waits any longer."""
_CEILING = 300.0
"""Seconds after which nobody waits any longer, progress or not."""


class ClusterError(RuntimeError):
    """The cluster cannot be brought up or does not do what a caller waits for; the text says why."""


@dataclass(frozen=True)
class Process:
    """A process that was started here, perhaps by an earlier run."""

    name: str
    identity: str
    """`PID start-time`; a PID alone is used again after a while."""
    log: Path

    @property
    def pid(self) -> int:
        return int(self.identity.split()[0])

    @property
    def lives(self) -> bool:
        return lives(self.identity)

    def log_size(self) -> int:
        """The bytes of its log."""
        return self.log.stat().st_size if self.log.exists() else 0

    def log_tail(self) -> str:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-_TAIL:])


def identity_of(pid: int) -> str:
    """`PID start-time` of a process; the start time is empty when there is no such process or it is a zombie."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] != "Z":
            return f"{pid} {fields[19]}"
    return f"{pid} "


def lives(identity: str) -> bool:
    """Whether the very process that had this identity still runs; one that ended before that was looked up does not."""
    pid, _, started = identity.partition(" ")
    return bool(started) and identity_of(int(pid)) == identity


def start(place: Place, name: str, argv: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Process:
    """Start `argv` in a session of its own, with `environment` on top of ours, output appended to its log."""
    log = place.logs / f"{name}.log"
    # If the starter dies before setpriv has run, the recorded identity lets the next `up` stop the process.
    prefix = ["setpriv", "--pdeathsig", "KILL", "--"] if place.dies_with_parent else []
    command = [*prefix, *map(str, argv)]
    output = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawnp(command[0], command, {**os.environ, **(environment or {})}, file_actions=output, setsid=True)
    process = Process(name, identity_of(pid), log)
    (place.processes / name).write_text(process.identity)
    return process


def recorded(place: Place) -> list[Process]:
    """All processes that were started for this cluster and not stopped, dead or alive, the oldest first."""
    files = sorted(place.processes.iterdir(), key=lambda file: file.stat().st_mtime_ns)
    return [Process(file.name, file.read_text(), place.logs / f"{file.name}.log") for file in files]


def stop(place: Place, name: str, seconds: float = 20) -> None:
    """End a process by SIGTERM, after `seconds` by SIGKILL. Nothing to do when it does not run."""
    record = place.processes / name
    if not record.exists():
        return
    process = Process(name, record.read_text(), place.logs / f"{name}.log")
    _signal(process, signal.SIGTERM)
    if not _ended_within(process, seconds):
        _signal(process, signal.SIGKILL)
        _ended_within(process, _BURIAL_SECONDS)
    with suppress(ChildProcessError):  # who started it buries it
        os.waitpid(process.pid, os.WNOHANG)
    record.unlink()


def wait_until(
    what: str,
    condition: Callable[[], bool],
    process: Process | None = None,
    seconds: float = PATIENCE,
    state: Callable[[], object] | None = None,
) -> float:
    """Wait until `condition` holds; an OSError (nobody listens yet) counts as no. Returns the seconds that it took.

    The `seconds` begin anew with every progress, since a busy machine is slow and not broken: when `process` writes to
    its log, or when `state` is another than before. After some minutes the wait is over nevertheless.

    Raises:
        ClusterError: `process` has ended, or the time is over; with the end of the log.
    """
    state = state or (process.log_size if process else lambda: None)
    began = changed = time.monotonic()
    before: object = None
    last: OSError | None = None
    while (now := time.monotonic()) - changed < seconds and now - began < max(seconds, _CEILING):
        if process and not process.lives:
            raise ClusterError(f"{what}: {process.name} has ended; the end of {process.log}:\n{process.log_tail()}")
        try:
            if condition():
                return time.monotonic() - began
        except OSError as error:
            last = error
        if (after := state()) != before:
            before, changed = after, now
        time.sleep(_POLL)
    detail = f" ({last})" if last else ""
    tail = f"; the end of {process.log}:\n{process.log_tail()}" if process else ""
    raise ClusterError(f"{what}: not within {time.monotonic() - began:.0f} s{detail}{tail}")


def _signal(process: Process, number: signal.Signals) -> None:
    if process.lives:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _ended_within(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.lives:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
