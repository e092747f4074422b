"""JSON in untrusted text, as the standard has it."""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn


def strict_json(text: str, real: Callable[[float], float] = float) -> Any:
    """
    The value that *text* is, with *real* applied to numbers that have a point or an exponent.

    Raises ValueError for what is no JSON, also for NaN, Infinity, 1e999 and integers beyond Python's limit of digits;
    RecursionError for what is nested too deeply.
    """
    return json.loads(text, parse_constant=_refuse, parse_float=lambda digits: real(_finite(digits)))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    return number if math.isfinite(number := float(digits)) else _refuse(digits)
