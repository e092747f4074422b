"""The dataset of a run: rows out of sessions, split, with digest and counts; and the same, frozen on disk."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, ValidationError

from atlas_api.errors import CheckpointFailed, NothingMatched
from atlas_api.inputs.budgets import DATASET_INDEX, decode_json
from atlas_api.training.spec import AtlasTrainingSpec
from atlas_api.training.status import DatasetStatus
from atlas_api.training.traces import Split, TraceFields, Traces
from atlas_trainer.dataset.held_out.split import alike, held_out
from atlas_trainer.dataset.row_reader import LabelledRow
from atlas_trainer.dataset.row_selection import usable_rows
from atlas_trainer.dataset.rows import ORIGINS, Origin, Row
from atlas_trainer.dataset.rows_file import read_parquet, write_parquet
from atlas_trainer.storage.atomic_file import replace_text
from atlas_trainer.storage.file_list import DamagedError, FileList, Files, files_in, first_problem
from atlas_trainer.storage.store import LocalStore, Store
from atlas_trainer.traces import read_sessions
from atlas_trainer.traces.formats.fields import found_nowhere
from atlas_trainer.traces.session import Session, Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ROWS_FILE = "rows.parquet"
INDEX_FILE = "dataset.json"

_SELECTION: Any = {"role", "turns", "turns_per_session", "prompts", "prompt_form", "reference", "filter", "split"}


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
    """SHA-256 over the rows and their sides; the order in which the source gave them does not matter."""

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

    A row is dropped as `controlToken` when its prompt spells one of the tokenizer's control tokens, as
    `templateRefused` when the chat template fails on it, and as `promptTooLong` when prompt and longest completion
    exceed `model.maxLength` even with shortened results; a session is where no row is left. Raises `NothingMatched`
    with the causes when no row is left at all, `ZeroSteps` when the rows cannot be split by *hold_out*.
    """
    longest = spec.model.max_length - spec.max_completion_tokens
    rows, dropped, cut = usable_rows(sessions, spec.traces, tokenizer, longest, tally)
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
        digest=_digest(rows, outside),
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
        "files": files_in(folder, [ROWS_FILE]),
        "versions": {name: version(name) for name in ("atlas-core", "transformers", "pyarrow")},
    }
    replace_text(folder / INDEX_FILE, json.dumps(index, indent=2) + "\n")


def thaw(folder: Path) -> Dataset | None:
    """Read back a dataset that `freeze` wrote; None when it did not finish.

    Raises `CheckpointFailed` when the files are damaged, or the rows are not those that were written.
    """
    return thaw_from(LocalStore(folder.parent), folder.name, folder)


def thaw_from(store: Store, key: str, into: Path) -> Dataset | None:
    """Read back a dataset that `freeze` wrote and that lies under *key* in *store*, by way of *into*.

    None when it is not there, or not frozen. Raises `CheckpointFailed` when it is not what was written.
    """
    try:
        data = store.read(f"{key}/{INDEX_FILE}", DATASET_INDEX)
        if data is None:
            return None
        index = _read_index(data)
        folder = store.bring_out(FileList(key, INDEX_FILE, data, index.files), into)
        return _thawed(index, list(read_parquet(folder / ROWS_FILE, index.rows)))
    except ValueError as error:
        raise CheckpointFailed(
            f"{store.uri(key)} does not hold the dataset of the run: {error}; start a new run"
        ) from None


def _thawed(index: "_Index", labelled: Sequence[LabelledRow]) -> Dataset:
    outside = frozenset(place for place, (_, side) in enumerate(labelled) if side == "eval")
    rows = tuple(row for row, _ in labelled)
    if _digest(rows, outside) != index.digest:
        raise DamagedError(f"{ROWS_FILE} does not hold the rows that {INDEX_FILE} describes")
    return Dataset(
        rows=rows,
        held_out=outside,
        matched=index.matched,
        dropped=index.dropped,
        dropped_rows=index.dropped_rows,
        shortened=index.shortened or 0,
        digest=index.digest,
        watermark=index.watermark,
        alike=index.held_out_alike,
        selection=index.selection,
        missing=index.missing,
    )


class _Index(DatasetStatus):
    """What of dataset.json is read back."""

    model_config = ConfigDict(extra="ignore")

    rows: int = Field(ge=0)
    selection: dict[str, Any]
    files: Files


def _read_index(data: bytes) -> _Index:
    try:
        return _Index.model_validate_json(json.dumps(decode_json(data, DATASET_INDEX)))
    except ValidationError as error:
        raise DamagedError(f"{INDEX_FILE} is damaged: {first_problem(error)}") from None
    except ValueError as error:
        raise DamagedError(f"{INDEX_FILE} is damaged: {error}") from None


def _watched(sessions: Iterable[Session], progress: Callable[[int], None]) -> Iterator[Session]:
    for number, session in enumerate(sessions, start=1):
        progress(number)
        yield session


def _digest(rows: Sequence[Row], outside: frozenset[int]) -> str:
    """SHA-256 over the rows and the side that each is on."""
    digest = hashlib.sha256()
    for place, row in enumerate(rows):
        digest.update(row.canonical().encode("ascii") + (b" eval\n" if place in outside else b"\n"))
    return digest.hexdigest()


def _nothing(tally: Tally, fields: TraceFields | None) -> str:
    if not tally.dropped:
        return "the source holds no sessions; check what spec.traces points at"
    only_unreadable = not tally.filtered and not tally.unusable
    cure = "mend the traces, or export them again" if only_unreadable else "widen spec.traces.filter or mend the traces"
    nowhere = "".join(f"; {told}" for told in found_nowhere(fields, tally))
    return f"no session can be learnt from; left out by cause: {tally.causes}; {cure}{nowhere}"
