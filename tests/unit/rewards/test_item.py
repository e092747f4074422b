"""What can be scored is a text; what is none is refused where it is made, by name."""

from typing import Any

import pytest

from atlas_rewards import Item
from atlas_rewards.trl.columns import items_of


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"completion": 5}, "completion: int is no text"),
        ({"completion": None}, "completion: NoneType is no text"),
        ({"reference": 42}, "reference: int is no text"),
        ({"prompt": "What is 6 times 7?"}, "prompt: give messages"),
        ({"prompt": ("What?",)}, "prompt: give messages"),
    ],
)
def test_what_is_no_text_is_refused_by_name(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        Item(**{"completion": "42", **fields})


@pytest.mark.parametrize(("prompts", "completions"), [(["a", "b"], ["c"]), (["a"], ["b", "c"])])
def test_every_completion_has_a_prompt(prompts: list[str], completions: list[str]) -> None:
    with pytest.raises(ValueError, match=f"{len(prompts)} prompts for {len(completions)} completions"):
        items_of(prompts, completions, {"reference": ["x", "y"]})


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        ({"content": "42", "name": "agent"}, "42"),
        ({"content": None, "tool_calls": [{"id": "c1"}]}, '{"tool_calls":[{"id":"c1"}]}'),
        ({"content": "Let me see.", "tool_calls": [{"id": "c1"}]}, 'Let me see.\n{"tool_calls":[{"id":"c1"}]}'),
        ({"content": "", "tool_calls": []}, ""),
        ({}, ""),
    ],
)
def test_what_the_last_turn_of_an_assistant_says_and_calls_is_judged(turn: dict[str, Any], text: str) -> None:
    messages = [{"role": "assistant", "content": "Earlier."}, {"role": "assistant", **turn}, {"role": "tool"}]
    (item,) = items_of(["How warm is it?"], [messages], {})
    assert item.completion == text


def test_a_completion_without_a_turn_of_an_assistant_is_empty() -> None:
    assert [item.completion for item in items_of(["a", "b"], [[], [{"role": "tool", "content": "x"}]], {})] == ["", ""]


def test_the_content_of_a_completion_is_text() -> None:
    with pytest.raises(TypeError, match="completion: list is no text"):
        items_of(["a"], [[{"role": "assistant", "content": [{"type": "text", "text": "42"}]}]], {})


def test_a_completion_that_is_nothing_is_told() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="completions: None is neither text nor messages"):
        items_of(["a"], [nothing], {})
