"""Normal forms of hostile texts take linear time, and ordinary texts have the form that the standard says."""

import sys
import unicodedata

import pytest

from atlas_rewards.safety.unicode_form import in_form

LETTERS = ("é", "e\u0301", "Straße", "ﬁ", "ไทย", "हिन्दी", "ｶﾞ", "a" + "\u0327\u0301" * 14)


@pytest.mark.parametrize("text", LETTERS)
def test_ordinary_texts_have_the_form_of_the_standard(text: str) -> None:
    assert in_form("NFC", text) == unicodedata.normalize("NFC", text)
    assert in_form("NFKC", text) == unicodedata.normalize("NFKC", text)


def test_texts_with_long_runs_of_marks_still_differ_when_they_differ() -> None:
    marks = "a" + "\u0301\u0327" * 50
    variants = [marks, marks + "\u0301", marks + "\u034f", marks[:31] + "\u034f" + marks[31:], "b" + marks[1:]]
    assert len({in_form("NFC", text) for text in variants}) == len(variants)


def _longest_run(text: str) -> int:
    """Of characters that `unicodedata.normalize` would have to sort."""
    longest = run = 0
    for character in unicodedata.normalize("NFKD", text):
        run = run + 1 if unicodedata.combining(character) else 0
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_no_character_makes_a_run_of_marks_that_has_no_end(form: str) -> None:
    every = (chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF)
    marks = [one for one in every if unicodedata.combining(unicodedata.normalize("NFKD", one)[0])]
    assert len(marks) > 800
    assert max(_longest_run(in_form(form, "a" + one * 200)) for one in marks) <= 90  # type: ignore[arg-type]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("marks", ["\u0301\u0327", "\uff9e\u0301", "\u0344\u0327"])
def test_half_a_million_marks_take_linear_time(marks: str) -> None:
    in_form("NFKC", "a" + marks * 250_000)
