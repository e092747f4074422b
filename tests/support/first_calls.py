"""
A program of ours under a profiler: the functions of our packages that it calls, in the order of their first calls.

`command` runs a module as `python -m` does and writes a line for each function to a file: path below the repository,
name.
What runs while a module is imported is left out, but for functions that are called there.
"""

import inspect
import runpy
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).parents[2]


def command(module: str, calls: Path | None) -> list[str]:
    """The command line that runs *module*, to which arguments are added; under the profiler where *calls* is a file."""
    return [sys.executable, "-P", __file__, str(calls), module] if calls else [sys.executable, "-m", module]


class FirstCalls:
    """A profiler that remembers each code object once."""

    def __init__(self) -> None:
        self._seen: dict[CodeType, None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Note the function that *frame* begins to run."""
        if event == "call" and frame.f_code not in self._seen:
            self._seen[frame.f_code] = None

    def lines(self) -> list[str]:
        """Path and qualified name of each function of ours, in order."""
        ours = (code for code in self._seen if code.co_flags & inspect.CO_OPTIMIZED and "/atlas_" in code.co_filename)
        return [f"{Path(code.co_filename).relative_to(ROOT)} {code.co_qualname}" for code in ours]


def main() -> None:
    """Run the program that the command line names; its exit code is this one's."""
    out, module, *arguments = sys.argv[1:]
    calls = FirstCalls()
    sys.argv = [module, *arguments]
    threading.setprofile(calls)
    sys.setprofile(calls)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        sys.setprofile(None)
        Path(out).write_text("\n".join(calls.lines()) + "\n")


if __name__ == "__main__":
    main()
