"""The user's own function. It runs with the rights of this process; its mistakes cost its outcome, not the run."""

import importlib
import inspect
import sys
from collections.abc import Callable
from difflib import get_close_matches
from numbers import Real
from typing import Any

from atlas_api.text import escaped
from atlas_api.training.reward import PythonEntryPoint
from atlas_rewards.item import Item
from atlas_rewards.module_source import NotThereError, doubt_about, search_path
from atlas_rewards.verifiers.outcome import Outcome, Unknown, Unusable, Verify

_FIELD = "python.entryPoint"
_SHOWN = 200
_ROUNDING = 1e-9
"""A weighted mean of ones may come to 1.0000000000000002."""


def entry_point_verifier(config: PythonEntryPoint) -> Verify:
    """The function behind `config.entry_point`. Raises Unusable when it cannot be imported or called."""
    function = _load(config.entry_point)

    def judge(item: Item) -> Outcome:
        try:
            return _checked(function(item))
        except (Exception, SystemExit) as error:
            return Unknown(_one_line(f"{config.entry_point} raised {type(error).__name__}: {error}"))

    return judge


def look_for_entry_point(config: PythonEntryPoint) -> str | None:
    """What stays in doubt about the function of *config* until it is imported; None when its source shows it.

    Runs nothing of the user's. Raises Unusable where an import would fail for certain.
    """
    module, _, function = config.entry_point.partition(":")
    try:
        doubt = doubt_about(module, function)
    except NotThereError as error:
        raise Unusable(_FIELD, _one_line(str(error))) from None
    return doubt and f"{_FIELD}: {_one_line(doubt)}"


def _load(entry_point: str) -> Callable[[Item], Any]:
    """Import it the way `python -m` would: modules in the current directory are found."""
    module_name, _, name = entry_point.partition(":")
    sys.path[:] = search_path()
    try:
        module = importlib.import_module(module_name)
        function = getattr(module, name, None)
    except (Exception, SystemExit) as error:  # importing runs the user's code: anything can come out
        raise Unusable(_FIELD, _one_line(f"importing {module_name} failed: {type(error).__name__}: {error}")) from None
    if function is None:
        close = get_close_matches(name, vars(module), n=1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        raise Unusable(_FIELD, f"module {module_name} has no function {name}{hint}")
    if not callable(function) or inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise Unusable(_FIELD, f"{entry_point} is not an ordinary function that takes an Item")
    return function  # type: ignore[no-any-return]


def _checked(result: object) -> Outcome:
    if result is None:
        return Unknown("does not apply")
    if isinstance(result, bool) or not isinstance(result, Real):
        return Unknown(_one_line(f"returned {result!r}; return a number from 0 to 1, or None"))
    number = float(result)
    if not -_ROUNDING <= number <= 1.0 + _ROUNDING:
        return Unknown(f"returned {number!r}; return a number from 0 to 1, or None")
    return min(1.0, max(0.0, number))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return escaped(line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…")
