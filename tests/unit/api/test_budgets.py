"""Budgets of what comes from outside."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.inputs.budgets import Budget, NotFiniteError, OverBudgetError, decode_json, read_bytes

SMALL = Budget(bytes=200, values=10, depth=3)

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=30,
)


def values(document: Any) -> int:
    """Values of a document, itself included."""
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else []
    return 1 + sum(map(values, inner))


def depth(document: Any) -> int:
    """Lists and mappings within each other."""
    if not isinstance(document, dict | list):
        return 0
    inner = document.values() if isinstance(document, dict) else document
    return 1 + max(map(depth, inner), default=0)


@given(DOCUMENTS)
def test_documents_within_their_budget_are_read_as_the_standard_library_reads_them(document: Any) -> None:
    ample = Budget(bytes=100_000, values=2 * values(document) + 1, depth=depth(document))
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False, indent=1)):
        assert decode_json(text, ample) == document
        assert decode_json(text.encode(), ample) == document


@given(DOCUMENTS.filter(lambda document: depth(document) > 0))
def test_documents_beyond_a_budget_are_refused(document: Any) -> None:
    text = json.dumps(document)
    with pytest.raises(OverBudgetError, match="bytes"):
        decode_json(text, Budget(len(text) - 1, 1000, 100))
    with pytest.raises(OverBudgetError, match="levels"):
        decode_json(text, Budget(100_000, 1000, depth(document) - 1))
    with pytest.raises(OverBudgetError, match="values"):
        decode_json(text, Budget(100_000, values(document) - 1, 100))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" + "[]," * 9 + "[]]", "more than 10 values"),
        ("[" * 4 + "]" * 4, "nested more than 3 levels deep"),
        ("[" * 4 + "1" + "]" * 4, "nested more than 3 levels deep"),
        (b"[" * 4 + b"]" * 4, "nested more than 3 levels deep"),
        ('{"a":' * 4 + "1" + "}" * 4, "nested more than 3 levels deep"),
        (json.dumps("x" * 200), "longer than 200 bytes"),
    ],
)
def test_what_is_too_much_is_said(text: str | bytes, problem: str) -> None:
    with pytest.raises(OverBudgetError, match=problem):
        decode_json(text, SMALL)


@pytest.mark.parametrize("text", ['"[[[[[[,,,,,,,,,,,,,,"', '"\\"[[[[,,,,,,,,,,,,,"', '{"[[[[[[": ",,,,,,,,,,,,,"}'])
def test_marks_within_texts_count_as_no_values(text: str) -> None:
    assert decode_json(text, SMALL) == json.loads(text)


@pytest.mark.parametrize("text", ["[" * 3 + "]" * 3, "[[[1]]]", '[[["[[[["]]]', '[[{"a": "b"}]]', '[1, [2, [3]], "a"]'])
def test_levels_up_to_the_budget_are_read(text: str) -> None:
    assert decode_json(text, SMALL) == json.loads(text)


def test_levels_beyond_what_python_holds_are_too_many() -> None:
    with pytest.raises(OverBudgetError, match="nested too deeply"):
        decode_json("[" * 100_000, Budget(1_000_000, 1_000_000))


def test_characters_of_several_bytes_count_as_such() -> None:
    assert decode_json('"' + "é" * 99 + '"', SMALL) == "é" * 99
    with pytest.raises(OverBudgetError, match="bytes"):
        decode_json('"' + "é" * 100 + '"', SMALL)


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "[1e999]"])
def test_numbers_that_json_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(NotFiniteError):
        decode_json(text, SMALL)


def test_bytes_of_another_encoding_are_no_json() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode_json('{"a": 1}'.encode("utf-16"), SMALL)


def test_a_stream_is_read_no_further_than_its_budget() -> None:
    taken = []

    def endless() -> Any:
        while True:
            taken.append(1)
            yield b"x" * 50

    with pytest.raises(OverBudgetError, match="longer than 200 bytes"):
        read_bytes(endless(), SMALL)
    assert len(taken) == 5
    assert read_bytes([b"ab", b"c"], SMALL) == b"abc"
