"""
Log lines: JSON, one line each. `main` sets it up.

Nothing of an item and no secret is ever in a line: messages of unexpected errors, which may quote both, are left out.
"""

import logging
import sys
import traceback
from typing import Any

from atlas_api.json_log import JsonFormatter

_INNER = 8
"""Errors of a group that are told; those of a batch are mostly the same."""


def set_up() -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(describe))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Its warnings are about single connections: anybody could fill the log with them.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


def describe(error: BaseException) -> dict[str, Any]:
    """Type and place of *error*, and of those in it where it is a group."""
    described: dict[str, Any] = {
        "error": type(error).__name__,
        "traceback": "".join(traceback.format_tb(error.__traceback__)),
    }
    if isinstance(error, BaseExceptionGroup):
        described["errors"] = [describe(inner) for inner in error.exceptions[:_INNER]]
    return described
