"""Texts that others wrote are shown without anything that hides or steers."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_rewards.safety.untrusted_text import code_for, printable, without_middle


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, äöü 漢字 🙂", "plain text, äöü 漢字 🙂"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31m \u202eleft", "\\u001b[31m \\u202eleft"),
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


@given(st.text() | st.text("a \n\u200d\u3164\ufe0f\U000e0100<|>"))
def test_what_is_shown_can_be_encoded_and_hides_nothing(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert not {unicodedata.category(character) for character in shown if character not in "\n\t"} & {"Cc", "Cs", "Zl"}
    assert printable(shown) == shown


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
