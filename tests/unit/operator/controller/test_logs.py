"""Log lines, as a log collector reads them."""

import json
import logging
import sys
from typing import Any

from atlas_operator.cluster.document import Key
from atlas_operator.cluster.rest.api import Unreachable
from atlas_operator.controller.logs import PlainFormatter, about, json_formatter


def _record(message: str, error: Exception | None = None, **extra: Any) -> logging.LogRecord:
    exc_info = None
    if error is not None:
        try:
            raise error
        except Exception:
            exc_info = sys.exc_info()
    return logging.getLogger("atlas").makeRecord(
        "atlas", logging.WARNING, "f", 1, message, (), exc_info, extra=extra or None
    )


def _line(record: logging.LogRecord) -> dict[str, Any]:
    text = json_formatter().format(record)
    assert "\n" not in text
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_line_says_what_it_is_about() -> None:
    with about(namespace="agents", training="desk"), about(run=2, attempt=1):
        line = _line(_record("one\ntwo"))
    assert line["message"] == "one\ntwo"
    assert (line["level"], line["logger"]) == ("warning", "atlas")
    assert (line["namespace"], line["training"], line["run"], line["attempt"]) == ("agents", "desk", 2, 1)
    assert line["time"].endswith("+00:00")
    assert "training" not in _line(_record("after"))


def test_a_line_about_a_key_names_the_object() -> None:
    assert _line(_record("failed", key=Key("agents", "desk")))["training"] == "desk"
    line = _line(_record("failed", key=Key("agents", "judges", "RewardService")))
    assert (line["rewards"], "training" in line) == ("judges", False)


def test_errors_that_explain_themselves_come_without_a_traceback() -> None:
    line = _line(_record("failed", Unreachable("the API server does not answer")))
    assert line["error"] == "Unreachable: the API server does not answer"
    assert "traceback" not in line


def test_other_errors_come_with_one() -> None:
    assert "test_logs.py" in _line(_record("failed", KeyError("x")))["traceback"]


def test_plain_lines_hold_the_same() -> None:
    with about(training="desk"):
        assert (
            PlainFormatter()
            .format(_record("failed", Unreachable("no")))
            .endswith("WARNING failed training=desk: Unreachable: no")
        )
