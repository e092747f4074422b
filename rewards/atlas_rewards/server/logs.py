"""
Log lines: JSON, one line each. `main` sets it up.

Nothing of an item and no secret is ever in a line: messages of unexpected errors, which may quote both, are left out.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

_INNER = 8
"""Errors of a group that are told; those of a batch are mostly the same."""


def set_up() -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # Its warnings are about single connections: anybody could fill the log with them.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (RFC 3339), level, logger, message; of an error its type and where it came from."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line |= _told(error)
        return json.dumps(line, default=str)


def _told(error: BaseException) -> dict[str, Any]:
    """Type and place of *error*, and of those in it where it is a group."""
    told: dict[str, Any] = {
        "error": type(error).__name__,
        "traceback": "".join(traceback.format_tb(error.__traceback__)),
    }
    if isinstance(error, BaseExceptionGroup):
        told["errors"] = [_told(inner) for inner in error.exceptions[:_INNER]]
    return told
