"""
A preview of a dataset for people: counts by cause, token lengths, rows with their trained tokens marked.

Every text from a trace passes `visible`, and none is read as markup.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from atlas_api.text import one_line, visible
from atlas_trainer.dataset.chat_tokens import TokenRow, prompt_text, render, token_counts
from atlas_trainer.dataset.dataset import Dataset
from atlas_trainer.dataset.row_reader import LabelledRow
from atlas_trainer.dataset.rows import Row
from atlas_trainer.traces.messages import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BEGIN, END = "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}", "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}"
"""Marks around trained tokens where there is no colour."""

ORIGIN_WORDS = {"recorded": "as recorded", "rebuilt": "rebuilt from the plan", "taskOnly": "is the task alone"}
"""Where a prompt comes from, in words."""

PERCENTILES = (50, 90, 99, 100)

_SHOWN = 1500
_TITLE = 100
_LESSON = 300
_TRAINED = "black on green"
_SPECIAL = "cyan"
_BATCH = 64


def counts_table(dataset: Dataset) -> Table:
    """Counts of sessions, used and left out, by cause."""
    table = Table("sessions", "count")
    table.columns[1].justify = "right"
    table.add_row("passed the filter", str(dataset.matched))
    status = dataset.status()
    table.add_row("used", str(status.used))
    for cause, count in dataset.dropped.items():
        table.add_row(Text(f"left out: {visible(cause)}"), str(count))
    return table


def rows_table(dataset: Dataset) -> Table:
    """Counts of rows: where their prompts come from, which have a reference, what became no row."""
    status = dataset.status()
    table = Table("rows", "count")
    table.columns[1].justify = "right"
    table.add_row("all", str(status.rows))
    for origin, count in status.prompts.items():
        table.add_row(f"prompt {ORIGIN_WORDS[origin]}", str(count))
    taught = sum(bool(row.lessons) for row in dataset.rows)
    for name, rows in (
        ("without a reference", status.unreferenced),
        ("prompt shortened", status.shortened),
        ("with lessons, not shown to the student", taught),
    ):
        if rows:
            table.add_row(name, str(rows))
    for cause, count in dataset.dropped_rows.items():
        table.add_row(Text(f"left out: {visible(cause)}"), str(count))
    return table


def split_line(dataset: Dataset) -> str:
    """A line about how many rows are held out."""
    share = len(dataset.held_out) / len(dataset.rows)
    alike = f"; {dataset.alike} of these are about a training task but for its numbers" if dataset.alike else ""
    return f"{len(dataset.train)} rows to train on, {len(dataset.held_out)} held out ({share:.1%}){alike}"


def lengths_table(dataset: Dataset, tokenizer: "PreTrainedTokenizerBase") -> Table:
    """Token counts of the prompts, as rendered, and of the recorded answers."""
    table = Table("tokens", "p50", "p90", "p99", "max")
    for column in table.columns[1:]:
        column.justify = "right"
    prompts: list[int] = []
    answers: list[int] = []
    for start in range(0, len(dataset.rows), _BATCH):
        batch = dataset.rows[start : start + _BATCH]
        prompts += token_counts(tokenizer, [prompt_text(tokenizer, row.prompt) for row in batch])
        answers += token_counts(tokenizer, [row.recorded for row in batch])
    for name, counts in (("prompt", prompts), ("recorded answer", answers)):
        table.add_row(name, *(str(percentile(counts, percent)) for percent in PERCENTILES))
    return table


def percentile(values: Sequence[int], percent: int) -> int:
    """The smallest of *values* that at least *percent* per cent of them do not exceed (nearest rank)."""
    rank = -(-percent * len(values) // 100)
    return sorted(values)[max(rank, 1) - 1]


def chosen_rows(dataset: Dataset, count: int) -> Iterator[LabelledRow]:
    """At most *count* rows, evenly spread from the oldest to the newest."""
    labelled = list(dataset.labelled())
    shown = min(max(count, 0), len(labelled))
    return (labelled[index * len(labelled) // shown] for index in range(shown))


def row_title(row: Row, side: str) -> str:
    """A line about where a row comes from."""
    reward = "unknown" if row.reward is None else f"{row.reward:.2f}"
    reference = "none" if row.reference is None else one_line(row.reference, _TITLE)
    session = one_line(row.session_id, _TITLE)
    place = f"step {row.step}, attempt {row.attempt}{' (refused)' if row.refused else ''}, turn {row.turn}"
    prompt = f"prompt {ORIGIN_WORDS[row.origin]}"
    return f"session {session}, {place}, {side}, {prompt}, recorded reward {reward}, reference: {reference}"


def lessons_text(row: Row) -> Text | None:
    """What a teacher may see beside *row*, a line a lesson. None where there is nothing."""
    if not row.lessons:
        return None
    lines = (f"  {visible(lesson.kind)}: {one_line(lesson.text, _LESSON)}" for lesson in row.lessons)
    return Text("\n".join(["Not shown to the student:", *lines]), style="dim")


def marked_row(row: Row, tokenizer: "PreTrainedTokenizerBase", colour: bool) -> Text:
    """Text of *row* as the model sees it, with the recorded answer; trained tokens coloured, or between marks."""
    answer: Message = {"role": "assistant", "content": row.recorded}
    (tokens,) = render(tokenizer, [*row.prompt, answer], {len(row.prompt)})
    text = Text()
    for piece, trained in _pieces(tokens):
        shown = visible(_shortened(piece))
        text.append(shown if colour or not trained else f"{BEGIN}{shown}{END}", _TRAINED if trained else "")
    text.highlight_words([visible(token) for token in tokenizer.all_special_tokens], _SPECIAL)
    return text


def _pieces(tokens: TokenRow) -> Iterator[tuple[str, bool]]:
    """Pieces of text that are trained as a whole, or not at all. A token begins where the one before it ends."""
    ends = accumulate((end for _, end in tokens.offsets), max, initial=0)
    spans = zip(pairwise(ends), tokens.mask, strict=True)
    for trained, run in groupby(spans, key=lambda span: span[1]):
        bounds = [place for place, _ in run]
        yield tokens.text[bounds[0][0] : bounds[-1][1]], trained


def _shortened(text: str) -> str:
    """Beginning and end of a long text, so that the end of a turn stays in sight."""
    cut = len(text) - 2 * _SHOWN
    return text if cut <= 0 else f"{text[:_SHOWN]} [... {cut} characters ...] {text[-_SHOWN:]}"
