"""`atlas-core data`: look at what a manifest would train on, or write it to a file. Trains nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from atlas_api import AtlasTraining, InvalidManifest
from atlas_api.text import visible
from atlas_trainer.dataset.dataset import Dataset, build_dataset
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
from atlas_trainer.dataset.rows_file import write_jsonl, write_parquet
from atlas_trainer.dataset.tokenizer import load_tokenizer
from atlas_trainer.distributed import environment
from atlas_trainer.traces.session import Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WRITERS = {".jsonl": write_jsonl, ".parquet": write_parquet}
_SHOWN_MALFORMED = 3


def preview(training: AtlasTraining, rows: int, console: Console) -> None:
    """Print counts by cause, token lengths, the held-out share and *rows* rows. Raises `AtlasError`."""
    tally = Tally()
    dataset, tokenizer = _dataset(training, tally)
    console.print(counts_table(dataset))
    for line in tally.malformed[:_SHOWN_MALFORMED]:
        console.print(Text(f"unreadable: {visible(line)}"), soft_wrap=True)
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
    writer = _WRITERS.get(out.suffix)
    if writer is None:
        raise InvalidManifest([f"--output {out}: unknown format; name it FILE.jsonl or FILE.parquet"])
    if not out.parent.is_dir():
        raise InvalidManifest([f"--output {out}: there is no folder {out.parent}; create it first"])
    dataset, _ = _dataset(training, Tally())
    try:
        writer(out, dataset.labelled())
    except OSError as error:
        raise InvalidManifest([f"--output {out}: cannot be written: {error.strerror}"]) from error
    console.print(Text(f"{out}: {split_line(dataset)}"), soft_wrap=True)


def _dataset(training: AtlasTraining, tally: Tally) -> tuple[Dataset, "PreTrainedTokenizerBase"]:
    environment.prepare(training.spec.model)
    tokenizer = load_tokenizer(training.spec.model)
    return build_dataset(training.spec, tokenizer, tally), tokenizer
