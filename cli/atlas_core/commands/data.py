"""`atlas-core data`: look at what a manifest would train on, or write it to a file. Trains nothing."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from atlas_api import AtlasTraining
from atlas_api.errors import ZeroSteps
from atlas_api.training.traces import Split
from atlas_core.commands.output_file import checked_output, output_errors
from atlas_trainer.dataset.dataset import Dataset, dataset_of, open_sessions
from atlas_trainer.dataset.held_out.split import held_out
from atlas_trainer.dataset.model_source import lies_here
from atlas_trainer.dataset.preview import (
    chosen_rows,
    counts_table,
    lengths_table,
    lessons_text,
    marked_row,
    row_title,
    rows_table,
    split_line,
)
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.rows_file import write_jsonl, write_parquet
from atlas_trainer.dataset.session_view import notes
from atlas_trainer.dataset.tokenizer import load_tokenizer
from atlas_trainer.distributed import environment
from atlas_trainer.traces.session import Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WRITERS = {".jsonl": write_jsonl, ".parquet": write_parquet}


def preview(training: AtlasTraining, rows: int, console: Console) -> None:
    """Print counts by cause, token lengths, the held-out share and *rows* rows. Raises `AtlasError`."""
    tally = Tally()
    problems: list[str] = []

    def hold_out(rows: Sequence[Row], split: Split) -> frozenset[int]:
        # What cannot be split can be looked at all the same.
        try:
            return held_out(rows, split)
        except ZeroSteps as error:
            problems.append(f"no run can train on this: {error}")
            return frozenset()

    dataset, tokenizer = _dataset(training, tally, hold_out)
    console.print(counts_table(dataset))
    for note in (*notes(tally, training.spec.traces.fields), *problems):
        console.print(Text(note), soft_wrap=True)
    console.print(rows_table(dataset))
    console.print(split_line(dataset), highlight=False)
    console.print(lengths_table(dataset, tokenizer))
    colour = console.is_terminal and console.color_system is not None
    mark = "in colour" if colour else "between « and »"
    if rows > 0:
        console.print(f"Trained tokens are {mark}. GRPO samples answers of its own where the recorded ones are shown.")
    for row, side in chosen_rows(dataset, rows):
        console.print()
        console.print(Text(row_title(row, side), style="bold"), soft_wrap=True)
        console.print(marked_row(row, tokenizer, colour), soft_wrap=True)
        if lessons := lessons_text(row):
            console.print(lessons, soft_wrap=True)


def export(training: AtlasTraining, out: Path, console: Console) -> None:
    """Write all rows to *out*, JSONL or Parquet by its suffix; an existing file is replaced. Raises `AtlasError`."""
    writer = checked_output(out, _WRITERS)
    dataset, _ = _dataset(training, Tally())
    with output_errors(out):
        writer(out, dataset.labelled())
    console.print(Text(f"{out}: {split_line(dataset)}"), soft_wrap=True)


def _dataset(
    training: AtlasTraining, tally: Tally, hold_out: Callable[[Sequence[Row], Split], frozenset[int]] = held_out
) -> tuple[Dataset, "PreTrainedTokenizerBase"]:
    """The dataset and its tokenizer. That takes seconds to load, so the source says first what is wrong with it."""
    sessions = open_sessions(training.spec.traces, tally)
    environment.prepare(offline=lies_here(training.spec.model))
    tokenizer = load_tokenizer(training.spec.model)
    return dataset_of(sessions, training.spec, tokenizer, tally, hold_out), tokenizer
