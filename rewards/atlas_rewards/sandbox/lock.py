"""The lock of the sandbox: a process gives up files (Landlock), capabilities and system calls (seccomp), for good."""

import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any

_PDEATHSIG, _NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 1, 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ALL_ACCESS = (1 << 13) - 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_BENEATH = 1
_CAPABILITIES_V3 = 0x20080522
_SYSTEM = ("/usr", "/lib", "/lib64")
_OPEN_FILES = 64
_LIBC = ctypes.CDLL(None, use_errno=True)


def lock_in(brief: dict[str, Any]) -> None:
    """Give up, for good, everything but memory, time and reading Python itself. Raises OSError where that fails."""
    _check(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "no_new_privs")
    _drop_capabilities()
    # The kernel forgets this wish when capabilities change, so it comes after.
    _check(_LIBC.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
    if os.getppid() != brief["parent"]:
        os._exit(4)
    _hide_files()
    with Path(os.__file__).open("rb"):  # Python itself must stay readable, also without the rights of root
        _limit(brief)
    _apply_seccomp(bytes.fromhex(brief["seccomp"]))


def _drop_capabilities() -> None:
    header = struct.pack("<Ii", _CAPABILITIES_V3, 0)
    _check(_LIBC.capset(header, struct.pack("<6I", *[0] * 6)), "capabilities")


def _hide_files() -> None:
    """Landlock: nothing can be opened but Python, the system's libraries and the own empty folder, and only to read."""
    ruleset = _check(_LIBC.syscall(_CREATE_RULESET, struct.pack("<Q", _ALL_ACCESS), 8, 0), "Landlock")
    for folder in {sys.base_prefix, *_SYSTEM, str(Path.cwd())}:
        if Path(folder).is_dir():
            beneath = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            rule = struct.pack("<Qi", _READ_FILE | _READ_FOLDER, beneath)
            _check(_LIBC.syscall(_ADD_RULE, ruleset, _BENEATH, rule, 0), "Landlock")
            os.close(beneath)
    _check(_LIBC.syscall(_RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def _limit(brief: dict[str, Any]) -> None:
    limits = {
        resource.RLIMIT_AS: brief["memory"],
        resource.RLIMIT_CPU: brief["seconds"] + 1,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    for kind, most in limits.items():
        hard = resource.getrlimit(kind)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bound, bound))


def _apply_seccomp(program: bytes) -> None:
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))
    _check(_LIBC.prctl(_SECCOMP, _FILTER, ctypes.c_char_p(header), 0, 0), "seccomp")


def _check(returned: int, what: str) -> int:
    if returned < 0:
        raise OSError(ctypes.get_errno(), f"the kernel refuses {what} ({os.strerror(ctypes.get_errno())})")
    return returned
