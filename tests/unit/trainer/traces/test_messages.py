"""Messages as the SDK records them become chat messages, all of a prompt or none."""

from typing import Any

import pytest

from atlas_trainer.traces.messages import recorded_messages


def recorded(arguments: Any) -> list[Any]:
    return [
        {"type": "human", "content": "State of order 12?"},
        {"type": "ai", "content": "", "tool_calls": [{"name": "look_up", "args": arguments, "id": "c1"}]},
    ]


@pytest.mark.parametrize("arguments", [{"order": 12}, '{"order": 12}'])
def test_calls_of_tools_have_their_arguments_as_an_object(arguments: Any) -> None:
    _, called = recorded_messages(recorded(arguments))
    assert called["tool_calls"][0]["function"] == {"name": "look_up", "arguments": {"order": 12}}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
def test_a_prompt_with_a_number_that_json_does_not_have_counts_as_not_recorded(number: str) -> None:
    assert recorded_messages(recorded(f'{{"order": {number}}}')) == ()
