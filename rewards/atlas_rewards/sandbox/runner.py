"""
Sandbox: untrusted Python in a process of its own that can compute and nothing else, and its tests in another.

The same everywhere, as root and as anybody, in containers too, because nothing here needs a privilege: Linux 5.13 or
newer with Landlock, on x86_64 or aarch64. Where the sandbox cannot be had it is refused, never weakened.

    network      no socket can be made (seccomp), except two streams that are joined and reach nobody else
    processes    none, and no second thread: nothing can be left behind
    signals      none to anybody
    files        Python and the system's libraries can be read (Landlock); nothing can be written, the folder is empty
    secrets      no environment, no /proc, no open descriptor of ours but the link to the tests
    limits       time, processor time, memory, open files; no core, no output
    the end      killed at the time limit, when it is done, and when the scoring process dies

A program never shares a process with its tests: they are locked in likewise, beside it, and ask it over a `link`. So it
sees what they give to its functions, never what they expect, and cannot reach their source, frames or comparisons.

What it does not keep out: a program that says "yes" to a question which only it can answer (is this object of yours
equal to that one, is your object true), or that recognises well-known tests by their arguments. The names and sizes of
files can be asked for, their contents not. A hole in the kernel is a hole here.
"""

import json
import os
import platform
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

from atlas_rewards.sandbox.seccomp import seccomp_filter

_CHILD = Path(__file__).with_name("child.py")
_START_SECONDS = 60.0
"""Longest wait until the interpreter is up and locked in. It does not count against the program."""
_MOST_OUTPUT = 4096
_PASSED = b"passed"


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
    """Whether *code* runs to its end, and then *tests*, which find its global names among theirs.

    Blocks for as long as they run, at most `bounds.seconds`; no process is left afterwards. Safe to call from several
    threads. Raises NoSandboxError, UnreadableTestsError.
    """
    limits = {
        "seconds": bounds.seconds,
        "memory": bounds.memory_bytes,
        "parent": os.getpid(),
        "seccomp": _seccomp().hex(),
    }
    try:
        output, status = _run({**limits, "code": code}, {**limits, "tests": tests}, bounds.seconds)
    except OSError as error:  # no process, descriptor or room for a file is left on this machine
        raise NoSandboxError(str(error)) from None
    # Both are needed: the word shows that the tests came to their end, the status that nothing broke after it.
    return status == 0 and output == _PASSED


def _seccomp() -> bytes:
    if sys.platform != "linux":
        raise NoSandboxError(f"it needs Linux, and this is {platform.system()}")
    try:
        return seccomp_filter(platform.machine())
    except KeyError:
        raise NoSandboxError(f"it knows no system calls of {platform.machine()}") from None


def _run(program: dict[str, Any], tests: dict[str, Any], seconds: float) -> tuple[bytes, int]:
    """Output of the tests after `ready`, and their exit status."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="atlas-code-"))
        ends = [stack.enter_context(end) for end in socket.socketpair()]
        children = [
            stack.enter_context(_child(folder, brief, end)) for brief, end in zip((program, tests), ends, strict=True)
        ]
        for end in ends:
            end.close()
        until = time.monotonic() + _START_SECONDS
        rest = [_after_ready(child, until) for child in children][-1]
        return _output_and_status(children[-1], rest, seconds)


@contextmanager
def _child(folder: str, brief: dict[str, Any], link: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs *brief* and has one end of the link; gone afterwards."""
    with TemporaryFile() as source:
        source.write(json.dumps({**brief, "link": link.fileno()}).encode())
        source.seek(0)
        child = _start(folder, source, link.fileno())
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _start(folder: str, source: IO[bytes], link: int) -> subprocess.Popen[bytes]:
    # -P -s -S: modules come from the standard library alone. Hashes do not vary, so neither do outcomes.
    return subprocess.Popen(  # noqa: S603 - our own file in our own interpreter
        [sys.executable, "-P", "-s", "-S", "-B", "-X", "utf8", str(_CHILD)],
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=(link,),
        cwd=folder,
        env={"PYTHONHASHSEED": "0"},
        start_new_session=True,
        bufsize=0,
    )


def _after_ready(child: subprocess.Popen[bytes], until: float) -> bytes:
    """Output of *child* behind `ready`. Raises NoSandboxError, UnreadableTestsError."""
    first, _, rest = _read_until(child, until, b"\n").partition(b"\n")
    if first != b"ready":
        _refuse(first.decode(errors="replace"))
    return rest


def _output_and_status(child: subprocess.Popen[bytes], rest: bytes, seconds: float) -> tuple[bytes, int]:
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
