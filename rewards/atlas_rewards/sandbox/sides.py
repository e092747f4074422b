"""The two sides of a run: a program, and the tests of it. Each lives in a process of its own (`child`)."""

import builtins
import importlib
import os
import sys
import types
from typing import Any

from atlas_rewards.sandbox.link import Link
from atlas_rewards.sandbox.remote import module_name
from atlas_rewards.sandbox.values import standard_module


def run_program(link: Link, code: str) -> None:
    """Run *code* as a script, and then do what its tests ask for, until they are gone."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec(compile(code, "<completion>", "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - our purpose
    link.serve(module)


def run_tests(link: Link, tests: types.CodeType) -> None:
    """Run *tests* on the program at the other end. Ends the process where they fail."""
    names = Names(link)
    main = types.ModuleType("__main__")
    main.__getattr__ = names.of_program  # type: ignore[method-assign]
    sys.modules["__main__"] = main
    try:
        exec(tests, names)  # noqa: S102
    except BaseException:
        os._exit(1)


class Names(dict[str, Any]):
    """Global names of the tests: their own, Python's, and those of the program, which are looked up there each time."""

    def __init__(self, link: Link) -> None:
        super().__init__(__name__="__main__", __builtins__=builtins)
        self._link = link
        self._program = link.root()

    def __missing__(self, name: str) -> Any:
        # A name that Python has means Python's: a program's own `abs` or `len` would decide what its tests find.
        if hasattr(builtins, name):
            raise KeyError(name)
        try:
            return self.of_program(name)
        except AttributeError:
            raise KeyError(name) from None

    def of_program(self, name: str) -> Any:
        """What the program calls *name*; a standard module is that of this side. Raises AttributeError."""
        value = self._link.ask("getattr", self._program, name)
        if module_name(value) == name and standard_module(name):
            return importlib.import_module(name)
        return value
