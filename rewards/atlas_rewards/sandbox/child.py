"""
The inside of the sandbox: a process that locks itself in, and then runs a program, or the tests of one.

It is a script for a bare interpreter. Standard input is a file with a JSON brief: a program, or tests, and never both,
so that no process holds what a program could look up to pass. Standard output goes to `runner` alone: `ready`, or why
not in one line; and from the tests `passed`, when they came to their end. A program has neither of them left.
"""

import json
import os
import sys
import types
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the brief. Ends the process: 0 after `passed`, anything else when not."""
    brief = json.loads(sys.stdin.buffer.read())
    result = _private_result()
    _find_neighbours()
    from atlas_rewards.sandbox.link import Link
    from atlas_rewards.sandbox.lock import lock_in
    from atlas_rewards.sandbox.sides import run_program, run_tests

    tests = brief.get("tests")
    try:
        code = None if tests is None else compile(tests, "<tests>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
        _end(result, f"tests {' '.join(str(error).split())}")
    try:
        lock_in(brief)
    except OSError as error:
        _end(result, f"sandbox {error.strerror}: {error.filename}" if error.filename else f"sandbox {error.strerror}")
    os.write(result, b"ready\n")
    if code is None:
        os.close(result)
        run_program(Link(brief["link"]), brief["code"])
    else:
        run_tests(Link(brief["link"], strict=True), code)
        os.write(result, b"passed")
    os._exit(0)


def _private_result() -> int:
    """The descriptor of the result. Standard input and output lead nowhere from here on."""
    result = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)
    return result


def _find_neighbours() -> None:
    """Let modules of this folder be imported, without what the package loads: it is not installed here."""
    package = types.ModuleType("atlas_rewards")
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["atlas_rewards"] = package


def _end(result: int, why: str) -> Any:
    os.write(result, why.encode(errors="replace")[:1000] + b"\n")
    os._exit(3)


if __name__ == "__main__":
    main()
