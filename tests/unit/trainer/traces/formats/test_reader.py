"""A source has one format: the one that the manifest says, or that its first line shows."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.traces.exports import file_traces, jsonl, session_record
from support.traces.other_makers import chat, model_call, otlp, read_lines

from atlas_api.errors import InvalidManifest, MalformedTraces
from atlas_api.inputs.budgets import TRACE_LINE
from atlas_api.training.traces import TraceFields, TraceFilter
from atlas_trainer.traces.jsonl import read_files
from atlas_trainer.traces.session import Tally

PAIR = {"prompt": "State of order 12?", "completion": "It is paid."}
LINES = {"atlas": session_record(), "messages": chat(), "promptCompletion": PAIR, "otel": otlp(model_call())}


@pytest.mark.parametrize("format", LINES)
@pytest.mark.parametrize("auto", [True, False])
def test_each_format_is_read_whether_it_is_said_or_recognised(tmp_path: Path, format: str, auto: bool) -> None:
    (session,), tally = read_lines(tmp_path, LINES[format], format="auto" if auto else format)
    assert session.final_answer in ("Refunded", "It is paid.")
    assert (tally.matched, tally.malformed) == (1, [])


def test_ids_are_the_places_of_lines_where_nothing_else_is_recorded(tmp_path: Path) -> None:
    sessions, _ = read_lines(tmp_path, chat(), chat(id="a"), chat(id="a"), fields=TraceFields(id="id"))
    assert [session.id for session in sessions] == ["traces.jsonl:1", "a", "traces.jsonl:3"]


@pytest.mark.parametrize("said", LINES)
@pytest.mark.parametrize("found", LINES)
def test_another_format_than_the_manifest_says_is_a_mistake_in_it(tmp_path: Path, said: str, found: str) -> None:
    if said == found:
        return
    with pytest.raises(InvalidManifest) as caught:
        read_lines(tmp_path, LINES[found], format=said)
    assert str(caught.value) == (
        f"spec.traces.format: says {said}, and traces.jsonl:1 is of the format {found}; write {found}, or auto"
    )


def test_what_the_manifest_says_holds_for_lines_that_look_like_two_formats(tmp_path: Path) -> None:
    both = {**session_record(), **chat()}
    assert read_lines(tmp_path, both)[0][0].final_answer == "Refunded"
    assert read_lines(tmp_path, both, format="messages")[0][0].final_answer == "It is paid."


def test_lines_of_another_format_than_the_first_are_unreadable_with_the_reason(tmp_path: Path) -> None:
    sessions, tally = read_lines(tmp_path, chat(), PAIR, {"question": "?"}, chat())
    assert len(sessions) == 2
    assert tally.malformed == [
        "traces.jsonl:2: not of the format messages, as the lines before, but promptCompletion",
        "traces.jsonl:3: not of the format messages, as the lines before, but neither task, messages, prompt with"
        " completion, nor resourceSpans",
    ]


def test_the_first_line_of_a_known_format_decides(tmp_path: Path) -> None:
    sessions, tally = read_lines(tmp_path, {"conversations": []}, chat())
    assert len(sessions) == 1
    assert tally.malformed == [
        "traces.jsonl:1: of no format that is known: ShareGPT's conversations; write them as messages, each with role"
        " and content"
    ]


def test_fields_in_exports_of_the_sdk_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match=r"spec\.traces\.fields: traces\.jsonl:1 is an export of the SDK"):
        read_lines(tmp_path, session_record(), fields=TraceFields(reward="score"))


@pytest.mark.parametrize("format", ["messages", "promptCompletion", "otel"])
def test_prompts_in_the_sdks_text_for_traces_of_another_maker_are_a_mistake(tmp_path: Path, format: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        read_lines(tmp_path, LINES[format], promptForm="text")
    assert str(caught.value) == (
        "spec.traces: promptForm text is how the SDK sends its prompts: leave it out for traces of other makers;"
        f" traces.jsonl:1 is of the format {format}"
    )
    assert len(read_lines(tmp_path, LINES["atlas"], promptForm="text")[0]) == 1


@pytest.mark.parametrize("data", [b"task,answer\nDo,Done\n", b"PAR1\x00\n\x00", b'[\n{"task": "Do"}\n]\n'])
def test_a_file_that_holds_no_lines_of_json_ends_the_reading_at_once(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(data)
    with pytest.raises(MalformedTraces, match=r"^traces\.jsonl (is|holds) .*; write one JSON object a line"):
        list(read_files(file_traces(path), Tally()))


@pytest.mark.parametrize("format", LINES)
def test_the_default_filter_takes_every_session_of_another_maker(tmp_path: Path, format: str) -> None:
    assert len(read_lines(tmp_path, LINES[format], filter=TraceFilter())[0]) == 1


def test_a_condition_that_no_line_can_meet_is_counted(tmp_path: Path) -> None:
    sessions, tally = read_lines(tmp_path, chat(), chat(), filter=TraceFilter(projects=("desk",)))
    assert (sessions, tally.filtered) == ([], {"projects": 2})


def test_the_newest_sessions_are_known_by_the_time_in_a_field(tmp_path: Path) -> None:
    lines = [chat(at=f"2026-10-0{day}", id=str(day)) for day in (2, 3, 1)]
    sessions, _ = read_lines(tmp_path, *lines, fields=TraceFields(time="at", id="id"), filter=TraceFilter(limit=2))
    assert [session.id for session in sessions] == ["2", "3"]


def test_a_line_of_very_many_values_is_given_up_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(b'{"messages": [' + b"[]," * TRACE_LINE.values + b"[]]}\n" + jsonl(chat()))
    tally = Tally()
    assert len(list(read_files(file_traces(path), tally))) == 1
    assert tally.malformed == [
        "traces.jsonl:1: more than 2,000,000 values in one line, those of JSON in texts included"
    ]


def with_arguments(arguments: bytes, calls: int) -> bytes:
    """A line in which an assistant calls a tool many times, with *arguments* as they stand in the line."""
    call = b'{"function": {"name": "look_up", "arguments": "' + arguments + b'"}}'
    asked, answer = b'{"role": "user", "content": "?"}', b'{"role": "assistant", "content": "Done"}'
    called = b'{"role": "assistant", "tool_calls": [' + b", ".join([call] * calls) + b"]}"
    return b'{"messages": [' + b", ".join([asked, called, answer]) + b"]}\n"


@pytest.mark.parametrize("mark", [b"[],", rb"\u005b]\u002C", rb"\u007B},"])
def test_values_of_json_inside_of_texts_count_all_together(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "traces.jsonl"
    many = rb"{\"a\": [" + mark * 300_000 + rb"1]}"
    few = rb"{\"a\": [" + mark * 3 + rb"1]}"
    path.write_bytes(with_arguments(many, 10) + with_arguments(few, 10))
    tally = Tally()
    (session,) = read_files(file_traces(path), tally)
    assert tally.malformed == [
        "traces.jsonl:1: more than 2,000,000 values in one line, those of JSON in texts included"
    ]
    assert session.id == "traces.jsonl:2"


def test_a_long_text_full_of_commas_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(
        jsonl(chat({"role": "user", "content": "?"}, {"role": "assistant", "content": "a,[{" * 2_000_000}))
    )
    tally = Tally()
    (session,) = read_files(file_traces(path), tally)
    assert (len(session.final_answer), tally.malformed) == (8_000_000, [])


@pytest.mark.parametrize(
    "call",
    [
        {"function": {"name": "look_up", "arguments": '{"order": "\\ud83d"}'}},
        {"function": {"name": "look_up", "arguments": {"order": "\ud83d"}}},
    ],
)
def test_half_a_character_does_not_reach_the_rows_in_whatever_it_is_wrapped(tmp_path: Path, call: Any) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(chat({"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [call]})))
    (session,) = read_files(file_traces(path), Tally())
    assert '{"order": "\ufffd"}' in session.final_answer
    assert "wholeCharacters" in session.missing


@pytest.mark.parametrize("format", LINES)
@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_a_line_with_a_number_that_json_does_not_have_is_unreadable(tmp_path: Path, format: str, number: str) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_bytes(jsonl({**LINES[format], "score": 0.5}).replace(b"0.5", number.encode()))
    tally = Tally()
    assert list(read_files(file_traces(path), tally)) == []
    assert tally.malformed == [
        "traces.jsonl:1: a number that is not finite (NaN, Infinity, 1e400); JSON has none, write null or leave it out"
    ]
