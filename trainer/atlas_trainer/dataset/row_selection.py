"""
Rows that a model can take, out of sessions: no control token in them, short enough; turns that are none are counted.

Rows hold text only; tokens are counted in passing and never kept.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from atlas_api.training.traces import Traces
from atlas_trainer.dataset.chat_tokens import fit_messages, holds_control_token, prompt_text, token_counts
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.dataset.shortening import shortened
from atlas_trainer.traces.messages import Message
from atlas_trainer.traces.session import Session, Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SHORTENINGS = 4
_BATCH_ROWS = 256
_BATCH_CHARACTERS = 1_000_000
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def usable_rows(
    sessions: Iterable[Session], traces: Traces, tokenizer: "PreTrainedTokenizerBase", longest: int, tally: Tally
) -> tuple[list[Row], dict[str, int], int]:
    """
    The rows of *sessions* by age, turns that are none by cause, and how many prompts were shortened.

    Prompts have the form that the chat template takes, and at most *longest* tokens. A prompt that spells one of the
    tokenizer's control tokens, is refused by the template, or stays too long even with shortened results, gives no row.
    Sessions of which no row is left are tallied.
    """
    counts = _RowCounts()
    candidates = _plain_rows(_turns(sessions, traces, tally, counts), tokenizer, counts)
    rows = sorted(_short_enough(candidates, tokenizer, longest, counts), key=_place)
    used = {row.session_id for row in rows}
    for session, cause in counts.unfit.items():
        if session not in used:
            tally.drop(cause)
    return rows, counts.dropped_of(used), counts.shortened


@dataclass(slots=True)
class _RowCounts:
    """Counts of what became of turns on the way to rows."""

    shortened: int = 0
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Turns that are no rows, by session and cause."""

    unfit: dict[str, str] = field(default_factory=dict)
    """Sessions with a row that cannot be used, with the cause."""

    def drop(self, row: Row, cause: str) -> None:
        self.left_out[row.session_id, cause] += 1
        self.unfit[row.session_id] = cause

    def dropped_of(self, used: Collection[str]) -> dict[str, int]:
        """Turns of the sessions *used* that are no rows, by cause."""
        dropped: Counter[str] = Counter()
        for (session, cause), count in self.left_out.items():
            if session in used:
                dropped[cause] += count
        return dict(sorted(dropped.items()))


def _turns(sessions: Iterable[Session], traces: Traces, tally: Tally, counts: _RowCounts) -> Iterator[Row]:
    for session in sessions:
        found = session_rows(session, traces)
        if isinstance(found, str):
            tally.drop(found)
        else:
            for cause, count in found.left_out.items():
                counts.left_out[session.id, cause] += count
            yield from found.rows


def _plain_rows(rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", counts: _RowCounts) -> Iterator[Row]:
    """Rows whose prompts spell no control token."""
    for row in rows:
        if holds_control_token(tokenizer, row.prompt):
            counts.drop(row, "controlToken")
        else:
            yield row


def _short_enough(
    rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", longest: int, counts: _RowCounts
) -> Iterator[Row]:
    for batch, texts in _batches(_rendered(rows, tokenizer, counts)):
        for row, text, tokens in zip(batch, texts, token_counts(tokenizer, texts), strict=True):
            prompt: tuple[Message, ...] | None = row.prompt
            if tokens > longest:
                prompt = _fitting(row, text, tokens, tokenizer, longest)
                counts.shortened += prompt is not None
            if prompt is None:
                counts.drop(row, "promptTooLong")
            else:
                yield replace(row, prompt=fit_messages(tokenizer, prompt))


def _rendered(
    rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", counts: _RowCounts
) -> Iterator[tuple[Row, str]]:
    """Rows with the text of their prompts. Some templates refuse some conversations, two user turns in a row say."""
    for row in rows:
        try:
            text = prompt_text(tokenizer, row.prompt)
        except TemplateError:
            counts.drop(row, "templateRefused")
        else:
            yield row, text


def _fitting(
    row: Row, text: str, tokens: int, tokenizer: "PreTrainedTokenizerBase", longest: int
) -> tuple[Message, ...] | None:
    """The prompt of *row* with shortened results, at most *longest* tokens. None: they are not what makes it long."""
    prompt = row.prompt
    for _ in range(_SHORTENINGS):
        # Characters a token differ from text to text, so the rest may still be too long.
        cut = shortened(prompt, -(-(tokens - longest) * len(text) // tokens))
        if cut is None:
            return None
        prompt = cut
        text = prompt_text(tokenizer, prompt)
        (tokens,) = token_counts(tokenizer, [text])
        if tokens <= longest:
            return prompt
    return None


def _batches(rendered: Iterable[tuple[Row, str]]) -> Iterator[tuple[list[Row], list[str]]]:
    """Batches bounded in rows and in text, since a single prompt may have megabytes."""
    rows: list[Row] = []
    texts: list[str] = []
    characters = 0
    for row, text in rendered:
        rows.append(row)
        texts.append(text)
        characters += len(text)
        if len(rows) == _BATCH_ROWS or characters >= _BATCH_CHARACTERS:
            yield rows, texts
            rows, texts, characters = [], [], 0
    if rows:
        yield rows, texts


def _place(row: Row) -> tuple[datetime, str, int]:
    return row.created_at or _BEGINNING, row.session_id, row.turn
