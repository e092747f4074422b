"""Programs for the sandbox, and what is left of it on the machine."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

from atlas_rewards.sandbox.runner import Bounds, passes

BOUNDS = Bounds(seconds=20, memory_bytes=2**29)
SHORT = Bounds(seconds=1, memory_bytes=2**29)

_ATTEMPT = """\
import ctypes, fcntl, os, resource, signal, socket, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")
try:
{statements}
except (OSError, RuntimeError, ValueError):
    refused = True
else:
    refused = False
"""


def is_refused(statements: str) -> bool:
    """Whether *statements* fail in the sandbox, by an error that the program could catch and outlive."""
    return passes(_ATTEMPT.format(statements=indent(dedent(statements), "    ")), "assert refused", BOUNDS)


def children_of(parent: int) -> list[int]:
    """Process numbers of sandboxes that *parent* started and that are not gone yet."""
    return [pid for pid in _processes() if _parent(pid) == parent and b"sandbox/child" in _command(pid)]


def exists(pid: int) -> bool:
    """Whether the process runs. One that ended and was not collected does not."""
    try:
        return _status(pid)[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second where it goes while it is read
        return False


def python(script: str, **environment: str) -> subprocess.Popen[str]:
    """A scoring process of its own that runs *script*."""
    return subprocess.Popen(
        [sys.executable, "-c", dedent(script)],
        env=os.environ | {"ATLAS_ALLOW_CODE": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _status(pid: int) -> list[str]:
    """State, parent and more: what follows the name, which may hold spaces."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int | None:
    try:
        return int(_status(pid)[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
