"""Wording of conditions."""

from hypothesis import given
from hypothesis import strategies as st

from atlas_api.text import visible
from atlas_operator.status.wording import MESSAGE_LIMIT, message, reason_in


def test_a_message_is_one_line_in_which_nothing_acts() -> None:
    assert message("red\x1b[31m\n\tback\u202ewards") == r"red\u001b[31m back\u202ewards"


@given(st.text() | st.text("word \n\u202e", min_size=MESSAGE_LIMIT))
def test_whatever_the_text_its_message_is_short_and_hides_nothing(text: str) -> None:
    words = message(text)
    assert len(words) <= MESSAGE_LIMIT
    assert visible(words) == words


def test_only_one_camel_case_word_is_a_reason() -> None:
    assert reason_in("NodeLost", "Other") == "NodeLost"
    assert [reason_in(odd, "Other") for odd in ("", "node lost", "OutOfnvidia.com/gpu", "A" * 65)] == ["Other"] * 4
