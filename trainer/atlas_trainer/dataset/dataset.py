"""
The dataset of a run: rows out of sessions, split, with digest and counts; and the same, frozen on disk.

Rows hold text only; tokens are counted in passing and never kept.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_api.errors import CheckpointFailed, NothingMatched
from atlas_api.training.spec import AtlasTrainingSpec
from atlas_api.training.status import DatasetStatus
from atlas_api.training.traces import Traces
from atlas_trainer.dataset.chat_tokens import fit_messages, holds_control_token, prompt_text, token_counts
from atlas_trainer.dataset.conversation import grpo_row
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.rows_file import LabelledRow, read_parquet, write_parquet
from atlas_trainer.dataset.split import held_out
from atlas_trainer.storage.atomic_file import replace_text
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.session import Session, Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROWS_FILE = "rows.parquet"
INDEX_FILE = "dataset.json"

_SELECTION = ("role", "filter", "split")
_BATCH_ROWS = 256
_BATCH_CHARACTERS = 1_000_000
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows of one run."""

    rows: tuple[Row, ...]
    """Rows by age of their session, the oldest first. Prompts have the form that the chat template takes."""

    held_out: frozenset[int]
    """Places in `rows` that are evaluated on and never trained on."""

    matched: int
    """Sessions that passed the filter."""

    dropped: dict[str, int]
    """All sessions that became no row, by cause."""

    digest: str
    """SHA-256 over the rows; the order in which the source gave them does not matter."""

    watermark: datetime | None
    """Creation time of the newest session used. None when no session has one."""

    selection: dict[str, Any]
    """The choice that it came from: `role`, `filter` and `split` of the traces, as on the wire."""

    @property
    def train(self) -> tuple[Row, ...]:
        """Rows to train on."""
        return tuple(row for index, row in enumerate(self.rows) if index not in self.held_out)

    @property
    def eval(self) -> tuple[Row, ...]:
        """Rows to evaluate on."""
        return tuple(row for index, row in enumerate(self.rows) if index in self.held_out)

    def labelled(self) -> Iterator[LabelledRow]:
        """All rows, each with the side it is on."""
        for index, row in enumerate(self.rows):
            yield row, "eval" if index in self.held_out else "train"

    def status(self) -> DatasetStatus:
        """The part `dataset` of an AtlasTraining's status."""
        return DatasetStatus(
            matched=self.matched,
            used=len(self.rows),
            dropped=self.dropped,
            digest=self.digest,
            watermark=self.watermark,
        )


def build_dataset(
    spec: AtlasTrainingSpec,
    tokenizer: "PreTrainedTokenizerBase",
    tally: Tally,
    progress: Callable[[int], None] = lambda sessions: None,
) -> Dataset:
    """Read the source of *spec* and make its rows. *progress* gets the number of sessions read so far.

    A session is dropped as `controlToken` when its prompt spells one of the tokenizer's control tokens, and as
    `promptTooLong` when prompt and longest completion exceed `model.maxLength`. Raises `NothingMatched` with the causes
    when no row is left, `ZeroSteps` when the rows cannot be split, and what `read_sessions` raises.
    """
    longest = spec.model.max_length - spec.max_completion_tokens
    sessions = _watched(read_sessions(spec.traces, tally), progress)
    candidates = _candidates(sessions, spec.traces, tokenizer, tally)
    rows = sorted(_short_enough(candidates, tokenizer, longest, tally), key=_place)
    if not rows:
        raise NothingMatched(_nothing(tally))
    return Dataset(
        rows=tuple(rows),
        held_out=held_out(rows, spec.traces.split),
        matched=tally.matched,
        dropped=tally.dropped,
        digest=_digest(rows),
        watermark=max((row.created_at for row in rows if row.created_at), default=None),
        selection=spec.traces.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(_SELECTION)),
    )


def freeze(dataset: Dataset, folder: Path) -> None:
    """Write *dataset* below *folder*. It counts as frozen once `dataset.json`, the last file, is there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(folder / ROWS_FILE, dataset.labelled())
    index = {
        **dataset.status().model_dump(mode="json", by_alias=True),
        "train": len(dataset.train),
        "eval": len(dataset.eval),
        **dataset.selection,
        "versions": {name: version(name) for name in ("atlas-core", "transformers", "pyarrow")},
    }
    replace_text(folder / INDEX_FILE, json.dumps(index, indent=2) + "\n")


def thaw(folder: Path) -> Dataset | None:
    """Read back a dataset that `freeze` wrote; None when it did not finish.

    Raises `CheckpointFailed` when the rows are not those that were written.
    """
    path = folder / INDEX_FILE
    if not path.exists():
        return None
    index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    status = DatasetStatus.model_validate_json(
        json.dumps({name: index[name] for name in ("matched", "used", "dropped", "digest", "watermark")})
    )
    labelled = list(read_parquet(folder / ROWS_FILE))
    rows = [row for row, _ in labelled]
    if _digest(rows) != status.digest:
        raise CheckpointFailed(
            f"{folder}: {ROWS_FILE} does not hold the rows that {INDEX_FILE} describes; start a new run"
        )
    outside = frozenset(place for place, (_, side) in enumerate(labelled) if side == "eval")
    selection = {name: index[name] for name in _SELECTION}
    return Dataset(tuple(rows), outside, status.matched, status.dropped, status.digest, status.watermark, selection)


def _watched(sessions: Iterable[Session], progress: Callable[[int], None]) -> Iterator[Session]:
    for number, session in enumerate(sessions, start=1):
        progress(number)
        yield session


def _candidates(
    sessions: Iterable[Session], traces: Traces, tokenizer: "PreTrainedTokenizerBase", tally: Tally
) -> Iterator[Row]:
    for session in sessions:
        row = grpo_row(session, traces.role)
        if not isinstance(row, Row):
            tally.drop(row)
        elif holds_control_token(tokenizer, row.prompt):
            tally.drop("controlToken")
        else:
            yield replace(row, prompt=fit_messages(tokenizer, row.prompt))


def _short_enough(
    rows: Iterable[Row], tokenizer: "PreTrainedTokenizerBase", longest: int, tally: Tally
) -> Iterator[Row]:
    for batch, texts in _batches((row, prompt_text(tokenizer, row.prompt)) for row in rows):
        for row, tokens in zip(batch, token_counts(tokenizer, texts), strict=True):
            if tokens <= longest:
                yield row
            else:
                tally.drop("promptTooLong")


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


def _place(row: Row) -> tuple[datetime, str]:
    return row.created_at or _BEGINNING, row.session_id


def _digest(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.canonical().encode("ascii") + b"\n")
    return digest.hexdigest()


def _nothing(tally: Tally) -> str:
    if not tally.dropped:
        return "the source holds no sessions; check what spec.traces points at"
    causes = ", ".join(f"{cause} {count}" for cause, count in tally.dropped.items())
    return f"no session can be learnt from; left out by cause: {causes}; widen spec.traces.filter or mend the traces"
