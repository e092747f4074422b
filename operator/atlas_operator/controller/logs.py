"""Log lines: JSON, one line each, with the object that they are about; or plain text for a terminal.

Request bodies and headers are never logged, so no credential can be in a line.
"""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from atlas_api.json_log import JsonFormatter
from atlas_operator.cluster.document import Key
from atlas_operator.cluster.labels import PARENTS
from atlas_operator.cluster.ownership import NameTaken, Terminating
from atlas_operator.cluster.rest.api import ApiError, NotLeading, Unreachable

# Their text says everything; a traceback would only hide it.
_SELF_EXPLAINING = (ApiError, Unreachable, NotLeading, NameTaken, Terminating)

_log = logging.getLogger(__name__)
_about: ContextVar[Mapping[str, str | int]] = ContextVar("about", default=MappingProxyType({}))


def subject(key: Key) -> dict[str, str]:
    """The fields by which lines say what they are about."""
    return {"namespace": key.namespace, PARENTS[key.kind].rpartition("/")[2]: key.name}


@contextmanager
def about(**fields: str | int) -> Iterator[None]:
    """Lines that are logged inside carry these *fields*: namespace, training or rewards, run, attempt."""
    token = _about.set({**_about.get(), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def set_up(form: str) -> None:
    """Log to standard error from now on, as `json` or `plain`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(json_formatter() if form == "json" else PlainFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # What kopf has to say is told once by who watches over it, and in the readiness sentence.
    logging.getLogger("kopf").setLevel(logging.CRITICAL)
    sys.unraisablehook = _tell_of_ignored


def _tell_of_ignored(ignored: "sys.UnraisableHookArgs") -> None:
    """Log in one line what Python could only print: an error where nobody is left to catch it."""
    _log.warning("ignored an error of what was dropped: %s: %s", ignored.exc_type.__name__, ignored.exc_value)


def json_formatter() -> JsonFormatter:
    """Formatter of lines for machines: with the fields of `about`, and of an error its words and traceback."""
    return JsonFormatter(_describe, _fields)


class PlainFormatter(logging.Formatter):
    """Lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, level, message, what it is about, and the error."""
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        error = _describe(record.exc_info[1]) if record.exc_info and record.exc_info[1] else {}
        text = f"{self.formatTime(record)} {record.levelname} {record.getMessage()}{fields}"
        return "\n".join(filter(None, [text + (f": {error['error']}" if error else ""), error.get("traceback", "")]))


def _fields(record: logging.LogRecord) -> Mapping[str, str | int]:
    key = getattr(record, "key", None)
    return subject(key) if isinstance(key, Key) else _about.get()


def _describe(error: BaseException) -> dict[str, str]:
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, _SELF_EXPLAINING):
        return {"error": words}
    return {"error": words, "traceback": "".join(traceback.format_exception(error))}
