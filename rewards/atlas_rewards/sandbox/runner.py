"""
Sandbox: untrusted Python in a process of its own that can compute and nothing else.

The same everywhere, as root and as anybody, in containers too, because nothing here needs a privilege: Linux 5.13 or
newer with Landlock, on x86_64 or aarch64. Where the sandbox cannot be had it is refused, never weakened.

    network      no socket can be made (seccomp), except two streams that are joined and reach nobody else
    processes    none, and no second thread: nothing can be left behind
    signals      none to anybody
    files        Python and the system's libraries can be read (Landlock); nothing can be written, the folder is empty
    secrets      no environment, no /proc, no open descriptor of ours
    limits       time, processor time, memory, open files; no core, no output
    the end      killed at the time limit, when it is done, and when the scoring process dies

What it does not keep out: a program that sets out to cheat the tests. They run in its interpreter, so it can make
`==` lie or look for the password in an open descriptor. The names and sizes of files can be asked for, their contents
not. A hole in the kernel is a hole here.
"""

import json
import os
import platform
import secrets
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from atlas_rewards.sandbox.seccomp import seccomp_filter

_CHILD = Path(__file__).with_name("child.py")
_START_SECONDS = 60.0
"""Longest wait until the interpreter is up and locked in. It does not count against the program."""
_MOST_OUTPUT = 4096


class NoSandboxError(Exception):
    """The sandbox could not be set up; nothing was run."""


class UnreadableTestsError(Exception):
    """The tests are not Python; nothing was run."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one run may use."""

    seconds: int
    """Seconds of the clock, from the moment the program starts."""
    memory_bytes: int
    """Bytes of address space, interpreter included."""


def passes(code: str, tests: str, bounds: Bounds) -> bool:
    """Whether *code*, and then *tests* in the same module, run to their end.

    Blocks for as long as they run, at most `bounds.seconds`; no process is left afterwards. Safe to call from several
    threads. Raises NoSandboxError, UnreadableTestsError.
    """
    password = secrets.token_hex(16).encode()
    brief = {
        "code": code,
        "tests": tests,
        "seconds": bounds.seconds,
        "memory": bounds.memory_bytes,
        "parent": os.getpid(),
        "password": len(password),
        "seccomp": _seccomp().hex(),
    }
    try:
        output, status = _run(json.dumps(brief).encode(), password, bounds.seconds)
    except OSError as error:  # no process, descriptor or room for a file is left on this machine
        raise NoSandboxError(str(error)) from None
    # Both are needed: the password shows that the tests came to their end, the status that nothing broke after it.
    return status == 0 and output == password


def _seccomp() -> bytes:
    if sys.platform != "linux":
        raise NoSandboxError(f"it needs Linux, and this is {platform.system()}")
    try:
        return seccomp_filter(platform.machine())
    except KeyError:
        raise NoSandboxError(f"it knows no system calls of {platform.machine()}") from None


def _run(brief: bytes, password: bytes, seconds: float) -> tuple[bytes, int]:
    """Output of the child after `ready`, and its exit status."""
    with TemporaryFile() as source, TemporaryDirectory(prefix="atlas-code-") as folder:
        source.write(b"%012d" % len(brief) + brief + password)
        source.seek(0)
        child = _start(folder, source)
        try:
            return _output_and_status(child, seconds)
        finally:
            child.kill()
            child.communicate()


def _start(folder: str, source: IO[bytes]) -> subprocess.Popen[bytes]:
    # -P -s -S: modules come from the standard library alone. Hashes do not vary, so neither do outcomes.
    return subprocess.Popen(  # noqa: S603 - our own file in our own interpreter
        [sys.executable, "-P", "-s", "-S", "-B", "-X", "utf8", str(_CHILD)],
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env={"PYTHONHASHSEED": "0"},
        start_new_session=True,
        bufsize=0,
    )


def _output_and_status(child: subprocess.Popen[bytes], seconds: float) -> tuple[bytes, int]:
    begun = _read_until(child, time.monotonic() + _START_SECONDS, b"\n")
    first, _, rest = begun.partition(b"\n")
    if first != b"ready":
        _refuse(first.decode(errors="replace"))
    end = time.monotonic() + seconds
    rest += _read_until(child, end, None)
    try:
        # It may have closed its side and still run.
        return rest, child.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return rest, -9


def _refuse(line: str) -> None:
    kind, _, problem = line.partition(" ")
    if kind == "tests":
        raise UnreadableTestsError(problem)
    raise NoSandboxError(problem or f"Python did not start within {_START_SECONDS:g} s, or ended at once")


def _read_until(child: subprocess.Popen[bytes], until: float, last: bytes | None) -> bytes:
    """Output of the child up to *last*, the end, the moment *until* (monotonic seconds) or too many bytes."""
    assert child.stdout is not None  # noqa: S101 - Popen was asked for a pipe
    output, poll = b"", select.poll()
    poll.register(child.stdout, select.POLLIN)
    while len(output) < _MOST_OUTPUT and (left := until - time.monotonic()) > 0:
        if not poll.poll(left * 1000):
            break
        part = os.read(child.stdout.fileno(), _MOST_OUTPUT)
        output += part
        if not part or (last is not None and last in output):
            break
    return output
