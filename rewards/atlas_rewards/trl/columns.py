"""Translation between TRL and scoring: items from prompts, completions and columns; numbers for TRL's log."""

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from atlas_rewards.item import METADATA, TEXTS, Item, Message, message_text, metadata_of

Text = str | Sequence[Message]
"""What TRL calls a prompt or a completion: plain text, or messages when the dataset is conversational."""


def items_of(prompts: Sequence[Text], completions: Sequence[Text], columns: Mapping[str, Any]) -> list[Item]:
    """One item a completion. Columns that scoring does not read are ignored; absent ones are absent in every item.

    Raises ValueError for more prompts than completions, or fewer; TypeError for what is neither text nor messages.
    """
    if len(prompts) != len(completions):
        raise ValueError(f"{len(prompts)} prompts for {len(completions)} completions")
    rows = zip(prompts, completions, _rows(columns, len(prompts)), strict=True)
    return [_item(prompt, completion, row) for prompt, completion, row in rows]


def means(parts: Sequence[Mapping[str, float | None]]) -> dict[str, float]:
    """Mean of each judge and verifier over the completions that it could judge; left out where there were none."""
    given: dict[str, list[float]] = {}
    for name, value in (part for completion in parts for part in completion.items()):
        if value is not None:
            given.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in given.items()}


def _rows(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    present = {name: columns[name] for name in (*TEXTS, *METADATA) if name in columns}
    return [{name: values[index] for name, values in present.items()} for index in range(count)]


def _item(prompt: Text, completion: Text, row: Mapping[str, Any]) -> Item:
    return Item(
        completion=_answer(completion),
        prompt=({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt),
        metadata=metadata_of(row),
        **{name: _text(row.get(name)) for name in TEXTS},
    )


def _answer(completion: Text) -> str:
    """The text that is judged: the content of the last assistant message, and the tools that it calls."""
    if isinstance(completion, str):
        return completion
    if completion is None:
        raise TypeError("completions: None is neither text nor messages")
    last = next((message for message in reversed(completion) if message["role"] == "assistant"), {})
    content, calls = last.get("content") or "", last.get("tool_calls")
    return message_text({"content": content, "tool_calls": calls}) if calls else content


def _text(value: Any) -> str | None:
    """A column's value as text: plans and traces are often recorded as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
