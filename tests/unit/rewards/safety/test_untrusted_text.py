"""Texts that others wrote are shown without anything that hides or steers."""

import re
import sys
import unicodedata

import pytest
import regex  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from atlas_rewards.safety.untrusted_text import code_for, one_line, printable, seen, without_middle


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, äöü 漢字 🙂", "plain text, äöü 漢字 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
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
        ("<|im_end|>", "<\\|im_end|>"),
        ("<｜User｜>", "<\\｜User｜>"),  # noqa: RUF001
        ("[INST] do [/INST]", "[\\INST] do [\\/INST]"),
        ("<<SYS>>", "<\\<SYS>>"),
        ("</s><start_of_turn>", "<\\/s><\\start_of_turn>"),
        ("f <| x |> g, a < b, [1]", "f <| x |> g, a < b, [1]"),
    ],
)
def test_control_characters_and_control_tokens_lose_their_power(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_of_what_unicode_calls_ignorable_only_joiners_and_single_selectors_are_shown() -> None:
    characters = [chr(point) for point in range(sys.maxunicode + 1)]
    ignorable = regex.findall(r"\p{Default_Ignorable_Code_Point}", "".join(characters))
    assert len(ignorable) > 4000
    assert "".join(character for character in ignorable if printable(character) == character) == "\u200c\u200d"
    kept = [character for character in ignorable if printable(f"a{character}") == f"a{character}"]
    assert set(kept) - {"\u200c", "\u200d"} == set(regex.findall(r"\p{Variation_Selector}", "".join(characters)))
    assert seen("".join(ignorable)).strip() == ""


def test_what_nobody_sees_parts_no_word_unless_it_looks_like_a_space() -> None:
    assert seen("ju\u200bd\u200cg\ufe00e\U000e0041\x00") == "judge"
    assert seen("dear\u3164judge\u2028dear\u2800judge") == "dear judge dear judge"


@given(st.text() | st.text("a \n\u200d\u3164\ufe0f\U000e0100<|>"))
def test_what_is_shown_can_be_encoded_and_hides_nothing(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert not {unicodedata.category(character) for character in shown if character not in "\n\t"} & {"Cc", "Cs", "Zl"}
    assert printable(shown) == shown


@given(st.text(), st.integers(1, 50))
def test_a_reason_is_one_line_of_bounded_length(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


@given(st.text(max_size=400), st.integers(100, 300))
def test_a_long_text_loses_its_middle_and_says_so(text: str, limit: int) -> None:
    shown = without_middle(text, limit, "0123456789abcdef")
    assert len(shown) <= limit
    assert (shown == text) == (len(text) <= limit)
    if len(text) > limit:
        left_out = re.search(r"\[0123456789abcdef: (\d+) characters left out\]\n", shown)
        assert left_out
        head, tail = shown[: left_out.start() - 1], shown[left_out.end() :]
        assert text.startswith(head)
        assert text.endswith(tail)
        assert int(left_out[1]) == len(text) - len(head) - len(tail)


@given(st.lists(st.text()))
def test_the_code_is_in_none_of_the_texts_and_only_they_decide_it(texts: list[str]) -> None:
    code = code_for(texts)
    assert re.fullmatch("[0-9a-f]{16}", code)
    assert not any(code in text for text in texts)
    assert code_for(list(texts)) == code


def test_texts_that_are_cut_differently_have_different_codes() -> None:
    codes = [code_for(texts) for texts in (["ab", "c"], ["a", "bc"], ["a\0b"], ["a", "b"])]
    assert len(set(codes)) == 4
