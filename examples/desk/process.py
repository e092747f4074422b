"""A Python program in a process of its own, so that the memory it took goes back when it is done."""

import os
import subprocess
import sys
from collections.abc import Mapping


def run_program(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> int:
    """Run `python -m MODULE ARGUMENTS` with additions to the environment. Returns its exit code.

    Ctrl-C reaches the program as well, SIGTERM is passed on to it. It may have something to save, so it is waited for.
    """
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, env=os.environ | dict(environment or {})) as program:  # noqa: S603 - our own command
        try:
            return program.wait()
        except KeyboardInterrupt:
            return program.wait()
        except SystemExit:
            program.terminate()
            return program.wait()
