"""A record: one line of JSON, decoded within limits. Pure."""

import json
from typing import Any

from atlas_trainer.traces.lines import Line
from atlas_trainer.traces.loose_json import NotFiniteError, loads

Record = dict[str, Any]
"""A decoded line."""

MAX_VALUES = 5_000_000
"""Values in one line from which it is given up: small ones take 30 times their text in memory."""


NOT_FINITE = "a number that is not finite (NaN, Infinity, 1e400); JSON has none, write null or leave it out"


class UnreadableRecordError(ValueError):
    """Error for a record that is no session. The message gives the cause and quotes nothing."""


def record_of(line: Line) -> Record:
    """The object in *line*. Raises UnreadableRecordError when it is no JSON object that memory and Python can hold."""
    if line.problem:
        raise UnreadableRecordError(line.problem)
    if _values(line.content) > MAX_VALUES:
        raise UnreadableRecordError(f"more than {MAX_VALUES:,} values in one line")
    try:
        record = _decoded(line.content)
    except RecursionError as error:
        raise UnreadableRecordError("JSON nested too deeply") from error
    if not isinstance(record, dict):
        raise UnreadableRecordError("not a JSON object")
    return record


def _values(content: bytes) -> int:
    """A number that *content* has no more values than: signs inside of texts count as well. 0 for a short one."""
    return sum(content.count(sign) for sign in (b",", b"[", b"{")) if len(content) > MAX_VALUES else 0


def _decoded(content: bytes) -> Any:
    try:
        return loads(content)
    except UnicodeDecodeError as error:
        raise UnreadableRecordError(
            f"not UTF-8 at byte {error.start + 1} (Latin-1? convert it with iconv -f latin1 -t utf-8)"
        ) from error
    except NotFiniteError as error:
        raise UnreadableRecordError(NOT_FINITE) from error
    except json.JSONDecodeError as error:
        raise UnreadableRecordError(f"not JSON at character {error.pos + 1}") from error
    except ValueError as error:
        raise UnreadableRecordError("a number with too many digits") from error
