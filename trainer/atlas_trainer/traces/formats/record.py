"""A record: one line of JSON, decoded within limits. Pure."""

import json
import re
from typing import Any

from atlas_api.inputs.budgets import TRACE_LINE, OverBudgetError
from atlas_trainer.traces.lines import Line
from atlas_trainer.traces.loose_json import NotFiniteError, loads

Record = dict[str, Any]
"""A decoded line."""

NOT_FINITE = "a number that is not finite (NaN, Infinity, 1e400); JSON has none, write null or leave it out"

_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'
_TEXTS = re.compile(rb'((?="[\s\\\[{])' + _TEXT + rb")|" + _TEXT, re.DOTALL)
"""Texts in JSON. In the group: those that may be JSON, as they begin like it or with what could hide how they begin."""

_ESCAPED_MARK = re.compile(rb"\\u00(?:2[cC]|[57][bB])")


class UnreadableRecordError(ValueError):
    """Error for a record that is no session. The message gives the cause and quotes nothing."""


def record_of(line: Line) -> Record:
    """The object in *line*. Raises UnreadableRecordError when it is no JSON object that memory and Python can hold."""
    if line.problem:
        raise UnreadableRecordError(line.problem)
    if _values_in_texts(line.content) > TRACE_LINE.values:
        raise UnreadableRecordError(
            f"more than {TRACE_LINE.values:,} values in one line, those of JSON in texts included"
        )
    record = _decoded(line.content)
    if not isinstance(record, dict):
        raise UnreadableRecordError("not a JSON object")
    return record


def _values_in_texts(content: bytes) -> int:
    """A number that *content* has no more values than, those of JSON inside of texts counted. 0 for a short one.

    Such texts are decoded again, one by one, and all of them are held until the session is made.
    """
    if len(content) <= 2 * TRACE_LINE.values or _marks(content) <= TRACE_LINE.values:
        return 0
    return _marks(_TEXTS.sub(rb"\1", content))


def _marks(content: bytes) -> int:
    escaped = sum(1 for _ in _ESCAPED_MARK.finditer(content)) if b"\\u00" in content else 0
    return escaped + sum(content.count(mark) for mark in (b",", b"[", b"{"))


def _decoded(content: bytes) -> Any:
    try:
        return loads(content)
    except UnicodeDecodeError as error:
        raise UnreadableRecordError(
            f"not UTF-8 at byte {error.start + 1} (Latin-1? convert it with iconv -f latin1 -t utf-8)"
        ) from error
    except NotFiniteError as error:
        raise UnreadableRecordError(NOT_FINITE) from error
    except OverBudgetError as error:
        raise UnreadableRecordError(f"JSON {error}") from error
    except json.JSONDecodeError as error:
        raise UnreadableRecordError(f"not JSON at character {error.pos + 1}") from error
    except ValueError as error:
        raise UnreadableRecordError("a number with too many digits") from error
