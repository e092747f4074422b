"""What a line says about its session, where the manifest says where."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.traces.other_makers import chat, model_call, otlp, read_lines

from atlas_api.training.traces import TraceFields
from atlas_trainer.traces.formats.chat import session_of_chat
from atlas_trainer.traces.formats.fields import found_nowhere, time_of
from atlas_trainer.traces.session import Tally

FIELDS = TraceFields(
    reward="scores.final", id="id", task="title", time="at", tags="labels", learning_key="team", ground_truth="truth"
)
TOLD: dict[str, Any] = {
    "scores": {"final": 0.9},
    "id": "run-7",
    "title": "Order states",
    "at": "2026-10-01T12:00:00Z",
    "labels": ["crm", "eu"],
    "team": "orders",
    "truth": {"state": "paid"},
}


def read(**fields: Any) -> Any:
    return session_of_chat(chat(**{**TOLD, **fields}), FIELDS)


def test_every_field_is_read_from_its_path() -> None:
    session = read()
    assert (session.reward, session.id, session.task) == (0.9, "run-7", "Order states")
    assert session.created_at == datetime(2026, 10, 1, 12, tzinfo=UTC)
    assert (session.tags, session.learning_key, session.ground_truth) == (("crm", "eu"), "orders", '{"state": "paid"}')


def test_a_name_with_dots_goes_before_a_path() -> None:
    assert read(**{"scores.final": 0.2}).reward == 0.2


@pytest.mark.parametrize("value", [None, "good", True, {}, float("nan")])
def test_a_reward_that_is_no_number_is_unknown(value: Any) -> None:
    assert read(scores={"final": value}).reward is None


@pytest.mark.parametrize("scores", [{"final": 0.9}, {}])
def test_where_rewards_are_named_they_decide_and_not_who_hands_the_lines_in(scores: Any) -> None:
    assert read(scores=scores).approved_by_person is False


def test_what_a_line_lacks_keeps_its_default() -> None:
    session = session_of_chat(chat(), FIELDS)
    assert (session.id, session.task, session.created_at, session.tags) == ("", "State of order 12?", None, ())


def test_what_a_named_field_has_no_value_for_is_counted(tmp_path: Path) -> None:
    lines = [chat(**TOLD), chat(scores={"final": "good"}, labels=[], id=None, title=" ", at="soon", team=[])]
    _, tally = read_lines(tmp_path, *lines, fields=FIELDS)
    names = ("reward", "id", "task", "time", "tags", "learningKey", "groundTruth")
    assert {name: tally.lacking.get(f"fields.{name}") for name in names} == dict.fromkeys(names, 1)
    assert list(found_nowhere(FIELDS, tally)) == []


def test_a_path_that_no_line_has_is_told_even_when_the_filter_leaves_all_out(tmp_path: Path) -> None:
    fields = TraceFields(ground_truth="expcted", reward="score")
    for least in (None, 1.0):
        _, tally = read_lines(
            tmp_path, *[chat(expected="x", score=0.5)] * 3, fields=fields, filter={"minReward": least}
        )
        assert list(found_nowhere(fields, tally)) == [
            "no session has a groundTruth that can be read at expcted; check spec.traces.fields.groundTruth"
        ]


def test_an_attribute_that_no_span_has_is_told(tmp_path: Path) -> None:
    fields = TraceFields(learning_key="service.nam")
    _, tally = read_lines(tmp_path, otlp(model_call(), resource={"service.name": "desk"}), fields=fields)
    assert (tally.lacking["fields.learningKey"], len(list(found_nowhere(fields, tally)))) == (1, 1)


def test_nothing_is_told_of_fields_where_nothing_was_read_or_named() -> None:
    assert list(found_nowhere(FIELDS, Tally())) == []
    assert list(found_nowhere(None, Tally())) == []


@pytest.mark.parametrize(
    "value",
    [
        "2026-10-01T12:00:00",
        "2026-10-01T14:00:00+02:00",
        1790856000,
        1790856000.0,
        1790856000_000,
        1790856000_000_000_000,
        "1790856000",
    ],
)
def test_times_are_iso_8601_or_unix_times_of_any_unit(value: Any) -> None:
    assert time_of(value) == datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, True, "yesterday", -1, 0, 10**400, "9" * 5000, float("inf"), [], "20261001x"])
def test_what_is_no_time_is_unknown(value: Any) -> None:
    assert time_of(value) is None
