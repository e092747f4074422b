"""Log lines as JSON, one object a line, the same for every process of the project."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any


def no_fields(_: logging.LogRecord) -> Mapping[str, Any]:
    """No fields beyond the usual ones."""
    return {}


class JsonFormatter(logging.Formatter):
    """Formats records as JSON. What an error says is up to the process: messages may quote what must not be logged."""

    def __init__(
        self,
        describe: Callable[[BaseException], Mapping[str, Any]],
        fields: Callable[[logging.LogRecord], Mapping[str, Any]] = no_fields,
    ) -> None:
        """*describe*: keys and values of an error. *fields*: what else a line carries."""
        super().__init__()
        self._describe = describe
        self._fields = fields

    def format(self, record: logging.LogRecord) -> str:
        """Time (RFC 3339, UTC), level, logger, message, the fields of the process, and the error's description."""
        error = record.exc_info[1] if record.exc_info else None
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields(record),
            **(self._describe(error) if error is not None else {}),
        }
        return json.dumps(line, default=str)
