"""TRL's table holds prompts as rows have them."""

from atlas_trainer.algorithms.grpo import table_of
from atlas_trainer.dataset.rows import Row
from atlas_trainer.traces.messages import Message, tool_call


def row(*prompt: Message, reference: str | None = None) -> Row:
    return Row(session_id="7", turn=0, task="Refund", prompt=prompt, reference=reference, recorded="Done")


def test_calls_of_tools_keep_their_own_arguments() -> None:
    asked: Message = {"role": "user", "content": "Refund order 12."}
    looked: Message = {"role": "assistant", "content": "", "tool_calls": [tool_call("look_up", {"order": 12}, "c1")]}
    paid: Message = {"role": "assistant", "content": "", "tool_calls": [tool_call("pay", {"to": {"iban": "DE1"}})]}
    result: Message = {"role": "tool", "content": "paid", "tool_call_id": "c1"}
    prompts = [(asked,), (asked, looked, result), (asked, paid, result)]
    table = table_of([row(*prompt, reference="yes") for prompt in prompts])
    assert [tuple(prompt) for prompt in table["prompt"]] == prompts


def test_what_no_row_has_is_null_and_no_type_is_guessed() -> None:
    table = table_of([row({"role": "user", "content": "Refund."})])
    assert (table[0]["reference"], table[0]["learning_key"]) == (None, None)
    assert str(table.features["reference"]) == "Value('string')"
