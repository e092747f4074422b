"""
The scorer as TRL wants it: one call a batch, columns of the dataset as lists, a float or None a completion.

Given to `GRPOTrainer(reward_funcs=[...])` by `atlas_trainer`. Needs neither torch nor TRL.
"""

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from atlas_rewards.item import METADATA, Item, Message, metadata_of
from atlas_rewards.scoring import Score, Scorer

Text = str | Sequence[Message]
"""What TRL calls a prompt or a completion: plain text, or messages when the dataset is conversational."""


class VerifierReward:
    """A reward function."""

    __name__ = "verifiers"

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    def __call__(
        self,
        prompts: Sequence[Text],
        completions: Sequence[Text],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One number from 0 to 1 a completion, or None where no verifier could say. Logs each verifier's mean."""
        rows = zip(prompts, completions, _rows(columns, len(prompts)), strict=True)
        items = [_item(prompt, completion, row) for prompt, completion, row in rows]
        scores = [self._scorer.score(item) for item in items]
        if log_metric is not None:
            for name, mean in _means(scores).items():
                log_metric(f"rewards/{name}", mean)
        return [score.value for score in scores]


def _rows(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """The dataset's columns that scoring reads, row by row. Absent columns are absent in every row."""
    known = {name: columns[name] for name in ("reference", *METADATA) if name in columns}
    return [{name: values[index] for name, values in known.items()} for index in range(count)]


def _item(prompt: Text, completion: Text, row: Mapping[str, Any]) -> Item:
    return Item(
        completion=_answer(completion),
        reference=row.get("reference"),
        prompt=({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt),
        metadata=metadata_of(row),
    )


def _answer(completion: Text) -> str:
    """The text that is judged: the content of the last assistant message."""
    if isinstance(completion, str):
        return completion
    contents = [message.get("content") for message in completion if message["role"] == "assistant"]
    return contents[-1] or "" if contents else ""


def _means(scores: Sequence[Score]) -> dict[str, float]:
    """Mean of each verifier over the completions that it could judge; left out where there were none."""
    names = scores[0].parts if scores else {}
    known = {name: [part for score in scores if (part := score.parts[name]) is not None] for name in names}
    return {name: fmean(parts) for name, parts in known.items() if parts}
