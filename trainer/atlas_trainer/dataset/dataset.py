"""
The dataset of a run: rows out of sessions, split, with digest and counts; and the same, frozen on disk.

Rows hold text only; tokens are counted in passing and never kept.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_api.errors import CheckpointFailed, NothingMatched
from atlas_api.training.spec import AtlasTrainingSpec
from atlas_api.training.status import DatasetStatus
from atlas_api.training.traces import Split, TraceFields, Traces
from atlas_trainer.dataset.chat_tokens import fit_messages, holds_control_token, prompt_text, token_counts
from atlas_trainer.dataset.rows import ORIGINS, Origin, Row
from atlas_trainer.dataset.rows_file import LabelledRow, read_parquet, write_parquet
from atlas_trainer.dataset.session_rows import session_rows
from atlas_trainer.dataset.shortening import shortened
from atlas_trainer.dataset.split import alike, held_out
from atlas_trainer.storage.atomic_file import replace_text
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.formats.fields import found_nowhere
from atlas_trainer.traces.messages import Message
from atlas_trainer.traces.session import Session, Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROWS_FILE = "rows.parquet"
INDEX_FILE = "dataset.json"

_SELECTION: Any = {"role", "turns", "turns_per_session", "prompts", "prompt_form", "reference", "filter", "split"}
_STATUS = tuple(field.alias or name for name, field in DatasetStatus.model_fields.items())
_SHORTENINGS = 4
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

    dropped_rows: dict[str, int]
    """Turns of used sessions that are no rows, by cause."""

    shortened: int
    """Rows whose prompt was too long, and lost parts of results."""

    digest: str
    """SHA-256 over the rows; the order in which the source gave them does not matter."""

    watermark: datetime | None
    """Creation time of the newest session used. None when no session has one."""

    alike: int | None
    """Held-out rows whose task is in training but for its numbers. None in datasets of older versions."""

    selection: dict[str, Any]
    """The choice that it came from: what `spec.traces` says besides the source, as on the wire."""

    missing: dict[str, int] = field(default_factory=dict)
    """Sessions that passed the filter, by what their record lacks."""

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
            used=len({row.session_id for row in self.rows}),
            rows=len(self.rows),
            prompts={origin: count for origin in ORIGINS if (count := self._count(origin))},
            unreferenced=sum(row.reference is None for row in self.rows),
            shortened=self.shortened,
            held_out=len(self.held_out),
            held_out_alike=self.alike,
            dropped=self.dropped,
            dropped_rows=self.dropped_rows,
            missing=self.missing,
            digest=self.digest,
            watermark=self.watermark,
        )

    def _count(self, origin: Origin) -> int:
        return sum(row.origin == origin for row in self.rows)


def build_dataset(
    spec: AtlasTrainingSpec,
    tokenizer: "PreTrainedTokenizerBase",
    tally: Tally,
    progress: Callable[[int], None] = lambda sessions: None,
) -> Dataset:
    """Read the source of *spec* and make its rows. *progress* gets the number of sessions read so far.

    Raises what `read_sessions` and `dataset_of` raise.
    """
    return dataset_of(_watched(read_sessions(spec.traces, tally), progress), spec, tokenizer, tally)


def open_sessions(traces: Traces, tally: Tally) -> Iterator[Session]:
    """Begin to read *traces*, as `read_sessions`; what is wrong with the source is raised here, and not later.

    So is `NothingMatched`, when no session passes the filter.
    """
    sessions = read_sessions(traces, tally)
    first = next(sessions, None)
    if first is None:
        raise NothingMatched(_nothing(tally, traces.fields))
    return chain([first], sessions)


def dataset_of(
    sessions: Iterable[Session],
    spec: AtlasTrainingSpec,
    tokenizer: "PreTrainedTokenizerBase",
    tally: Tally,
    hold_out: Callable[[Sequence[Row], Split], frozenset[int]] = held_out,
) -> Dataset:
    """The rows of *sessions*, which *tally* has counted, as *spec* wants them.

    A row is dropped as `controlToken` when its prompt spells one of the tokenizer's control tokens, and as
    `promptTooLong` when prompt and longest completion exceed `model.maxLength` even with shortened results; a session
    is where no row is left. Raises `NothingMatched` with the causes when no row is left at all, `ZeroSteps` when the
    rows cannot be split by *hold_out*.
    """
    longest = spec.model.max_length - spec.max_completion_tokens
    rows, dropped, cut = _rows(sessions, spec.traces, tokenizer, longest, tally)
    if not rows:
        raise NothingMatched(_nothing(tally, spec.traces.fields))
    outside = hold_out(rows, spec.traces.split)
    return Dataset(
        rows=tuple(rows),
        held_out=outside,
        matched=tally.matched,
        dropped=tally.dropped,
        dropped_rows=dropped,
        shortened=cut,
        digest=_digest(rows),
        watermark=max((row.created_at for row in rows if row.created_at), default=None),
        alike=alike(rows, outside),
        selection=spec.traces.model_dump(mode="json", by_alias=True, exclude_none=True, include=_SELECTION),
        missing=dict(sorted(tally.missing.items())),
    )


def freeze(dataset: Dataset, folder: Path) -> None:
    """Write *dataset* below *folder*. It counts as frozen once `dataset.json`, the last file, is there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet(folder / ROWS_FILE, dataset.labelled())
    index = {
        **dataset.status().model_dump(mode="json", by_alias=True),
        "train": len(dataset.train),
        "eval": len(dataset.eval),
        "selection": dataset.selection,
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
    status = DatasetStatus.model_validate_json(json.dumps({name: index[name] for name in _STATUS if name in index}))
    labelled = list(read_parquet(folder / ROWS_FILE))
    rows = [row for row, _ in labelled]
    if _digest(rows) != status.digest:
        raise CheckpointFailed(
            f"{folder}: {ROWS_FILE} does not hold the rows that {INDEX_FILE} describes; start a new run"
        )
    outside = frozenset(place for place, (_, side) in enumerate(labelled) if side == "eval")
    return Dataset(
        rows=tuple(rows),
        held_out=outside,
        matched=status.matched,
        dropped=status.dropped,
        dropped_rows=status.dropped_rows,
        shortened=status.shortened or 0,
        digest=status.digest,
        watermark=status.watermark,
        alike=status.held_out_alike,
        selection=index["selection"],
        missing=status.missing,
    )


def _watched(sessions: Iterable[Session], progress: Callable[[int], None]) -> Iterator[Session]:
    for number, session in enumerate(sessions, start=1):
        progress(number)
        yield session


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


def _rows(
    sessions: Iterable[Session], traces: Traces, tokenizer: "PreTrainedTokenizerBase", longest: int, tally: Tally
) -> tuple[list[Row], dict[str, int], int]:
    """The rows of *sessions* by age, turns that are none by cause, and how many prompts were shortened.

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
    for batch, texts in _batches((row, prompt_text(tokenizer, row.prompt)) for row in rows):
        for row, text, tokens in zip(batch, texts, token_counts(tokenizer, texts), strict=True):
            prompt: tuple[Message, ...] | None = row.prompt
            if tokens > longest:
                prompt = _fitting(row, text, tokens, tokenizer, longest)
                counts.shortened += prompt is not None
            if prompt is None:
                counts.drop(row, "promptTooLong")
            else:
                yield replace(row, prompt=fit_messages(tokenizer, prompt))


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


def _digest(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(row.canonical().encode("ascii") + b"\n")
    return digest.hexdigest()


def _nothing(tally: Tally, fields: TraceFields | None) -> str:
    if not tally.dropped:
        return "the source holds no sessions; check what spec.traces points at"
    only_unreadable = not tally.filtered and not tally.unusable
    cure = "mend the traces, or export them again" if only_unreadable else "widen spec.traces.filter or mend the traces"
    nowhere = "".join(f"; {told}" for told in found_nowhere(fields, tally))
    return f"no session can be learnt from; left out by cause: {tally.causes}; {cure}{nowhere}"
