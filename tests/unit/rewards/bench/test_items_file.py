"""Items in a JSONL file: what a line means, and what is said about one that means nothing."""

import json
from pathlib import Path

import pytest

from atlas_api.errors import SourceMissing
from atlas_api.inputs.budgets import ITEM_LINE
from atlas_rewards.bench.items_file import ItemLine, count_lines, read_items
from atlas_rewards.item import Item


def lines_of(folder: Path, content: bytes) -> list[ItemLine]:
    path = folder / "items.jsonl"
    path.write_bytes(content)
    found = list(read_items(path))
    assert count_lines(path) == len(found)
    return found


def problem_of(folder: Path, content: bytes) -> str:
    (line,) = lines_of(folder, content)
    assert line.item is None
    return line.problem


def test_a_line_holds_what_a_request_to_the_service_holds(tmp_path: Path) -> None:
    document = {
        "prompt": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "6 * 7?"}],
        "completion": "42",
        "reference": "42",
        "teacherTrace": "Multiply.",
        "metadata": {"task": "sums"},
    }
    (line,) = lines_of(tmp_path, json.dumps(document).encode())
    assert line.item is not None
    assert (line.item.completion, line.item.teacher_trace) == ("42", "Multiply.")
    assert [message["role"] for message in line.item.prompt] == ["system", "user"]


def test_a_prompt_may_be_text_and_a_completion_may_be_called_response(tmp_path: Path) -> None:
    (line,) = lines_of(tmp_path, b'{"prompt": "6 * 7?", "response": "42"}')
    assert line.item == Item("42", prompt=({"role": "user", "content": "6 * 7?"},))


def test_blank_lines_and_a_byte_order_mark_are_no_items(tmp_path: Path) -> None:
    found = lines_of(tmp_path, b'\xef\xbb\xbf{"response": "a"}\r\n\n  \n{"response": "b"}')
    assert [(line.number, line.item and line.item.completion) for line in found] == [(1, "a"), (4, "b")]


def test_a_line_is_recognised_by_what_it_holds(tmp_path: Path) -> None:
    first, second, third = lines_of(tmp_path, b'{"response": "a"}\n{"response": "b"}\n{"response": "a"}')
    assert first.digest == third.digest != second.digest


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"response": "a"', "not JSON at character 17"),
        (b'{"response": "\xff"}', "not UTF-8 at byte 15"),
        (b"[" * 100_000, "JSON nested too deeply"),
        (b'{"response": "a", "metadata": ' + b"[" * 200 + b"]" * 200 + b"}", "JSON nested more than 200 levels deep"),
        (b"[" + b"[]," * ITEM_LINE.values + b"[]]", "JSON more than 200,000 values"),
        (b'{"response": "a", "score": NaN}', "NaN is not JSON"),
        (b'{"response": ' + b"9" * 5000 + b"}", "a number with too many digits"),
        (b'{"prompt": "a"}', "set exactly one of completion, response"),
        (b'{"response": "a", "respones": "b"}', 'respones: unknown field; did you mean "response"?'),
        (rb'{"response": "\ud800"}', "completion holds half of a surrogate pair; send whole Unicode characters"),
    ],
)
def test_a_line_that_holds_no_item_says_why_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    assert problem_of(tmp_path, content) == problem


@pytest.mark.parametrize("content", [b"3", b"null", b'"text"', b"[]"])
def test_other_json_is_no_item(tmp_path: Path, content: bytes) -> None:
    problem = problem_of(tmp_path, content)
    assert problem
    assert "\n" not in problem
    assert "items[" not in problem


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="check --items"):
        count_lines(tmp_path / "absent.jsonl")
    with pytest.raises(SourceMissing, match="check --items"):
        count_lines(tmp_path)
    with pytest.raises(SourceMissing, match="is no file; check --items"):
        count_lines(Path("/dev/zero"))


def test_a_line_longer_than_any_may_be_is_no_item_and_the_next_one_is_read(tmp_path: Path) -> None:
    too_long = b"x" * (ITEM_LINE.bytes + 1)
    found = lines_of(tmp_path, too_long * 2 + b'\n{"response": "b"}\n' + too_long)
    assert [(line.number, line.problem) for line in found] == [
        (1, "JSON longer than 67,108,864 bytes"),
        (2, ""),
        (3, "JSON longer than 67,108,864 bytes"),
    ]
