"""Texts from outside are shown without anything that hides or acts: one definition for everybody who shows one."""

import sys
import unicodedata

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.text import escaped, one_line, visible, without_hidden

ODD = st.text() | st.text("a \r\n\t\u200d\u3164\ufe0f\U000e0100<|>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, äöü 漢字 🙂", "plain text, äöü 漢字 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("two\r\nlines", "two\nlines"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\rb\x00c", "a\\u000db\\u0000c"),
        ("right \u202eto left", "right \\u202eto left"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("می‌خواهم 👩‍🚀", "می‌خواهم 👩‍🚀"),
        ("\u3164blank\u2800", "\\u3164blank\\u2800"),
        ("☎\ufe0f ☎\ufe0e 葛\U000e0100 1\ufe0f\u20e3 ᠠ\u180b", "☎\ufe0f ☎\ufe0e 葛\U000e0100 1\ufe0f\u20e3 ᠠ\u180b"),
        ("a\ufe00\ufe01\ufe02", "a\ufe00\\ufe01\\ufe02"),
        ("\ufe0fa \ufe0f\n\ufe0f", "\\ufe0fa \\ufe0f\n\\ufe0f"),
        ("a\u200d\ufe0f\u3164\ufe0f\U000e0100", "a\u200d\\ufe0f\\u3164\\ufe0f\\U000e0100"),
    ],
)
def test_what_hides_or_acts_is_written_as_its_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_of_what_unicode_calls_ignorable_only_joiners_and_single_selectors_are_shown() -> None:
    characters = [chr(point) for point in range(sys.maxunicode + 1)]
    ignorable = regex.findall(r"\p{Default_Ignorable_Code_Point}", "".join(characters))
    assert len(ignorable) > 4000
    assert "".join(character for character in ignorable if visible(character) == character) == "\u200c\u200d"
    kept = [character for character in ignorable if visible(f"a{character}") == f"a{character}"]
    assert set(kept) - {"\u200c", "\u200d"} == set(regex.findall(r"\p{Variation_Selector}", "".join(characters)))
    assert without_hidden("".join(ignorable)).strip() == ""


def test_what_nobody_sees_parts_no_word_unless_it_looks_like_a_space() -> None:
    assert without_hidden("ju\u200bd\u200cg\ufe00e\U000e0041\x00") == "judge"
    assert without_hidden("dear\u3164judge\u2028dear\u2800judge") == "dear judge dear judge"


@given(ODD)
def test_what_is_shown_can_be_encoded_and_hides_nothing(text: str) -> None:
    shown = visible(text)
    shown.encode()
    assert not {unicodedata.category(character) for character in shown if character not in "\n\t"} & {"Cc", "Cs", "Zl"}
    assert visible(shown) == shown


def test_a_value_is_quoted_on_one_line_and_loses_nothing() -> None:
    assert escaped("key\n\x1b[31m\tb") == r"key\n\u001b[31m\tb"


def test_white_space_is_folded_into_one_line() -> None:
    assert one_line("first\n\tsecond\r\nthird", 80) == "first second third"


def test_a_long_line_is_cut_and_says_so() -> None:
    assert one_line("word " * 1000, 20) == "word word word wo..."


@given(ODD, st.integers(4, 50))
def test_whatever_the_text_it_is_one_short_line_that_hides_nothing(text: str, limit: int) -> None:
    for line in (one_line(text, limit), escaped(text)):
        assert len(line.splitlines()) <= 1
        assert visible(line) == line
    assert len(one_line(text, limit)) <= limit
