"""
Samples of the report: answers to the same held-out tasks, before and after.

Pure. Texts come from traces and models: bounded and made visible here, escaped by the templates.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from atlas_api.text import one_line, visible
from atlas_rewards.item import message_text
from atlas_trainer.evaluation.comparison import Change, Comparison, Pair, pairs, worth_showing
from atlas_trainer.evaluation.measurement import Message, Sample

MOST_SAMPLES = 24
MOST_CHARACTERS = 2000
PREVIEW_CHARACTERS = 240


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A bounded text."""

    text: str
    left_out: int
    """Characters that were cut off."""

    preview: str
    """The beginning on one line, when the text is too long to stand open; else empty."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion, with its reward."""

    excerpt: Excerpt
    reward: float | None
    tokens: int
    parts: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One held-out task with its answers."""

    task: Excerpt
    prompt: Excerpt | None
    """The whole conversation, where it is more than the task."""

    reference: Excerpt | None
    session_id: str
    change: Change
    before: Answer | None
    after: Answer | None


@dataclass(frozen=True, slots=True)
class Samples:
    """The held-out tasks that the report shows, and how many there were."""

    rows: tuple[SampleRow, ...]
    total: int
    changes: dict[Change, int]


def samples(comparison: Comparison) -> Samples:
    """Choose the held-out tasks to show, and bound their texts."""
    everything = pairs(comparison)
    both = comparison.before is not None and comparison.after is not None
    return Samples(
        rows=tuple(_row(pair) for pair in worth_showing(everything, MOST_SAMPLES)),
        total=len(everything),
        changes=dict(Counter(pair.change for pair in everything)) if both else {},
    )


def excerpt(text: str) -> Excerpt:
    """Bound *text*; it stands open when it is short and has few lines."""
    shown, left_out = visible(text[:MOST_CHARACTERS]), max(0, len(text) - MOST_CHARACTERS)
    if shown and not shown.strip():
        return Excerpt("(white space)", left_out, "")
    long = len(shown) > PREVIEW_CHARACTERS or shown.count("\n") > 8  # noqa: PLR2004
    return Excerpt(shown, left_out, one_line(shown, PREVIEW_CHARACTERS) if long else "")


def _row(pair: Pair) -> SampleRow:
    task = pair.task
    whole = task.prompt if [message["content"] for message in task.prompt] != [task.task] else ()
    return SampleRow(
        task=excerpt(task.task),
        prompt=excerpt(_conversation(whole)) if whole else None,
        reference=excerpt(task.reference) if task.reference is not None else None,
        session_id=one_line(task.session_id, 80),
        change=pair.change,
        before=_answer(pair.before),
        after=_answer(pair.after),
    )


def _conversation(messages: Sequence[Message]) -> str:
    return "\n\n".join(f"{message['role']}:\n{message_text(message)}" for message in messages)


def _answer(sample: Sample | None) -> Answer | None:
    if sample is None:
        return None
    return Answer(excerpt(sample.completion), sample.reward, sample.tokens, sample.parts)
