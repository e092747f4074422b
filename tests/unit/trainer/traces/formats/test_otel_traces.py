"""Calls of models in one trace are one session, each a turn, in the order in which they began."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.traces.exports import file_traces
from support.traces.other_makers import ASKED_PART, SAID_PART, model_call, otlp, otlp_span, read_lines
from support.traces.sessions import turns

from atlas_api.training.traces import TraceFields, TraceFilter
from atlas_trainer.dataset.turns import turns_of
from atlas_trainer.traces.formats.otel_traces import CALLS_A_TRACE, OPEN_TRACES
from atlas_trainer.traces.jsonl import read_files
from atlas_trainer.traces.session import Tally

RECORDED = Path(__file__).parent / "recorded"
START = datetime.fromtimestamp(1_790_000_000, UTC)


def outputs(folder: Path, *lines: Any, **traces: Any) -> dict[str, list[str]]:
    """What was said in each session, by its id."""
    sessions, _ = read_lines(folder, *lines, **traces)
    return {session.id: [turn.output for turn in turns_of(session)] for session in sessions}


def test_what_a_public_instrumentation_of_openais_client_writes_is_read() -> None:
    path = RECORDED / "opentelemetry-instrumentation-openai-0.62.4.jsonl"
    fields = TraceFields(reward="desk.score")
    (session,) = read_files(file_traces(path, fields=fields), Tally())
    first, second = turns_of(session)
    opening = [("system", "You look after orders."), ("user", "What is the state of order 12?")]
    assert turns(first.prompt) == opening
    assert first.output == '<tool_call>\n{"name": "look_up", "arguments": {"order": 12}}\n</tool_call>'
    assert turns(second.prompt) == [*opening, ("assistant", ""), ("tool", "paid")]
    assert (second.output, session.final_answer) == ("Order 12 is paid.", "Order 12 is paid.")
    assert (session.id, session.task, session.reward) == (
        "4d510b44f8a5a3c9cd382b49415912a6",
        "What is the state of order 12?",
        0.9,
    )


def test_where_the_content_of_messages_was_not_recorded_the_cure_is_said() -> None:
    path = RECORDED / "opentelemetry-instrumentation-openai-v2-2.3b0.jsonl"
    tally = Tally()
    assert list(read_files(file_traces(path), tally)) == []
    assert [why.partition(": ")[2] for why in tally.malformed] == 2 * [
        "a model's call without its messages; have their content recorded on spans"
    ]


def test_spans_of_a_trace_may_lie_in_several_lines_in_any_order(tmp_path: Path) -> None:
    lines = [
        otlp(model_call("two", start=20), model_call("other", trace="t2")),
        otlp(model_call("three", start=30)),
        otlp(model_call("one", start=10)),
    ]
    assert outputs(tmp_path, *lines) == {"t2": ["other"], "t1": ["one", "two", "three"]}


def test_spans_of_a_trace_may_lie_in_several_files(tmp_path: Path) -> None:
    for number, name in enumerate(("a", "b"), start=1):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(otlp(model_call(name, start=number))))
    (session,) = read_files(file_traces(tmp_path), Tally())
    assert [turn.output for turn in turns_of(session)] == ["a", "b"]


def test_what_was_said_before_the_call_is_no_turn_of_it(tmp_path: Path) -> None:
    second = model_call("Yes.", asked=(ASKED_PART, SAID_PART, ASKED_PART), start=2)
    (session,), _ = read_lines(tmp_path, otlp(model_call(start=1), second))
    assert [(len(turn.prompt), turn.output) for turn in turns_of(session)] == [(1, "It is paid."), (3, "Yes.")]


def test_the_trace_names_the_session_and_its_first_call_the_time(tmp_path: Path) -> None:
    (session,), _ = read_lines(tmp_path, otlp(model_call(), model_call("Later", start=1_790_000_060)))
    assert (session.id, session.created_at, session.task) == ("t1", START, "State of order 12?")
    assert (session.status, session.review_status, session.approved_by_person) == ("succeeded", "approved", True)


def test_a_trace_that_ends_in_an_error_failed(tmp_path: Path) -> None:
    broken = model_call(start=1_790_000_060, status={"code": 2})
    sessions, tally = read_lines(tmp_path, otlp(model_call(), broken))
    assert (sessions, tally.filtered) == ([], {"status": 1})
    unanswered = otlp_span({"gen_ai.operation.name": "chat", "error.type": "timeout"}, start=1_790_000_060)
    assert read_lines(tmp_path, otlp(model_call(), unanswered))[1].filtered == {"status": 1}
    mended = model_call(start=1_790_000_000, status={"code": 2})
    assert read_lines(tmp_path, otlp(mended, model_call(start=1_790_000_060)))[0][0].status == "succeeded"


@pytest.mark.parametrize("operation", ["embeddings", "execute_tool", "invoke_agent"])
def test_spans_that_ask_no_model_for_an_answer_are_no_calls(tmp_path: Path, operation: str) -> None:
    other = model_call("twice", attributes={"gen_ai.operation.name": operation})
    assert outputs(tmp_path, otlp(model_call(), other, otlp_span({"http.method": "GET"}))) == {"t1": ["It is paid."]}


def test_fields_are_attributes_of_any_span_its_events_or_the_resource(tmp_path: Path) -> None:
    root = otlp_span({"app.score": 0.9, "app.tags": ["crm"]}, start=5)
    later = otlp_span({"app.score": 0.1}, start=6)
    judged = otlp_span({}, events=[("gen_ai.evaluation.result", {"app.truth": "paid"})])
    fields = TraceFields(reward="app.score", tags="app.tags", learning_key="service.name", ground_truth="app.truth")
    line = otlp(later, model_call(), root, judged, resource={"service.name": "desk"})
    (session,), _ = read_lines(tmp_path, line, fields=fields)
    assert (session.reward, session.tags, session.learning_key) == (0.9, ("crm",), "desk")
    assert session.ground_truth == "paid"


def test_traces_are_closed_when_too_many_are_open_and_a_span_that_comes_later_is_counted(tmp_path: Path) -> None:
    lines = [otlp(model_call(f"{number}", trace=f"t{number}")) for number in range(OPEN_TRACES + 1)]
    sessions, tally = read_lines(tmp_path, *lines, otlp(model_call("late", trace="t0")), otlp(model_call(trace="t9")))
    assert len(sessions) == OPEN_TRACES + 1
    assert tally.malformed == [
        "traces.jsonl:1002: a span that lies too far from the others of its trace (1,000 traces, 64 MiB and"
        " 1,000 calls a trace are kept open)"
    ]
    assert next(len(session.steps) for session in sessions if session.id == "t9") == 2


def test_a_trace_without_end_is_closed(tmp_path: Path) -> None:
    lines = [otlp(model_call(start=number)) for number in range(CALLS_A_TRACE + 2)]
    (session,), tally = read_lines(tmp_path, *lines)
    assert (len(session.steps), len(tally.malformed)) == (CALLS_A_TRACE, 2)


def test_a_line_is_counted_once_however_many_of_its_spans_are_unreadable(tmp_path: Path) -> None:
    image = {"role": "user", "parts": [{"type": "blob", "modality": "image", "content": "aGk="}]}
    bad = model_call(asked=(image,))
    sessions, tally = read_lines(tmp_path, otlp(bad, bad, bad, model_call("good"), model_call(trace="")))
    assert len(sessions) == 1
    assert tally.malformed == [
        "traces.jsonl:1: input message 1 has a part that is neither text nor call nor result of a tool"
        " (and 3 more spans)"
    ]


def test_a_call_without_its_answer_is_no_turn(tmp_path: Path) -> None:
    silent = otlp_span({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps([ASKED_PART])})
    (session,), _ = read_lines(tmp_path, otlp(silent), filter=TraceFilter(status=()))
    assert (session.task, turns_of(session)) == ("State of order 12?", [])


def test_a_span_without_the_attributes_of_a_call_is_passed_over(tmp_path: Path) -> None:
    values: list[Any] = [None, [], [{}], [{"scopeSpans": None}], [{"scopeSpans": [{"spans": []}]}]]
    lines = [{"resourceSpans": value} for value in values]
    attributes: list[Any] = [1, {"key": 2}, {"key": "a"}]
    odd = {**otlp_span({}), "traceId": 7, "startTimeUnixNano": "soon", "attributes": attributes, "events": [{}, 3]}
    sessions, tally = read_lines(tmp_path, *lines, otlp(odd))
    assert (sessions, tally.malformed) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        {"resourceSpans": 5},
        {"resourceSpans": [5]},
        {"resourceSpans": [{"scopeSpans": {}}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": "x"}]}]},
        {"resourceSpans": [{"scopeSpans": [{"spans": ["x"]}]}]},
    ],
)
def test_a_line_that_holds_something_else_in_place_of_spans_is_unreadable(tmp_path: Path, line: Any) -> None:
    sessions, tally = read_lines(tmp_path, line)
    assert sessions == []
    (problem,) = tally.malformed
    assert problem.startswith("traces.jsonl:1: ")
    assert problem.endswith(" is no list of objects")
