"""What can be scored is a text; what is none is refused where it is made, by name."""

from typing import Any

import pytest

from atlas_rewards import Item
from atlas_rewards.trl_items import items_of


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


def test_a_completion_that_is_nothing_is_told() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="completions: None is neither text nor messages"):
        items_of(["a"], [nothing], {})
