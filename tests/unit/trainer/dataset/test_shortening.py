"""Prompts that are too long lose parts of results, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from atlas_trainer.dataset.shortening import shortened
from atlas_trainer.traces.messages import Message

HUMAN = "Step ID: 1\nDescription: Refund it\nOriginal Task:\nRefund\nDependencies: []\n"
PRIOR = "Validated Prior Results (artifacts when available): "
RULES: Message = {"role": "system", "content": "r" * 5000}


def human(results: str) -> Message:
    return {"role": "user", "content": f"{HUMAN}{PRIOR}{results}\nGuidance History: []"}


def result(letter: str, length: int = 2000) -> Message:
    return {"role": "tool", "content": letter * length}


def size(messages: tuple[Message, ...]) -> int:
    return sum(len(message["content"]) for message in messages)


def test_the_oldest_result_of_a_tool_goes_first() -> None:
    messages = (RULES, human("{}"), result("a"), result("b"))
    cut = shortened(messages, 500)
    assert cut is not None
    assert size(messages) - size(cut) >= 500
    assert (cut[:2], cut[3]) == (messages[:2], messages[3])
    assert "characters left out" in cut[2]["content"]
    assert cut[2]["content"].startswith("aaa")
    assert cut[2]["content"].endswith("aaa")


def test_prior_results_go_after_those_of_tools_and_the_rest_of_the_message_stays() -> None:
    messages = (RULES, human("p" * 3000), result("a"))
    cut = shortened(messages, 3000)
    assert cut is not None
    assert cut[0] == RULES
    assert cut[1]["content"].startswith(f"{HUMAN}{PRIOR}ppp")
    assert cut[1]["content"].endswith("\nGuidance History: []")


def test_what_is_long_by_itself_stays_too_long() -> None:
    assert shortened((RULES, human("{}")), 1) is None
    assert shortened((RULES, human("{}"), result("a", 150)), 1) is None


@given(st.lists(st.integers(0, 3000), max_size=4), st.integers(0, 3000), st.integers(1, 9000))
def test_as_much_goes_as_was_asked_for_or_nothing(lengths: list[int], prior: int, excess: int) -> None:
    messages = (RULES, human("p" * prior), *(result("a", length) for length in lengths))
    cut = shortened(messages, excess)
    if cut is None:
        assert excess > size(messages) - size((RULES, human(""))) - 300 * (1 + len(lengths))
    else:
        assert size(messages) - size(cut) >= excess
        assert [message["role"] for message in cut] == [message["role"] for message in messages]
