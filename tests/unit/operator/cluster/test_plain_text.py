"""Foreign words in a status."""

from hypothesis import given, settings
from hypothesis import strategies as st

from atlas_operator.cluster.plain_text import one_line, reason_in


def test_line_breaks_and_tabs_become_spaces() -> None:
    assert one_line("first\n\tsecond\r\nthird") == "first second third"


def test_characters_that_act_instead_of_showing_are_left_out() -> None:
    assert one_line("red\x1b[31m \u202eback\x00wards") == "red[31m backwards"


def test_a_long_text_is_cut_and_says_so() -> None:
    assert one_line("word " * 1000, 20) == "word word word wo..."


@settings(deadline=None)
@given(st.text(), st.integers(4, 40))
def test_whatever_the_text_it_is_one_short_printable_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()


def test_only_one_camel_case_word_is_a_reason() -> None:
    assert reason_in("NodeLost", "Other") == "NodeLost"
    assert [reason_in(odd, "Other") for odd in ("", "node lost", "OutOfnvidia.com/gpu", "A" * 65)] == ["Other"] * 4
