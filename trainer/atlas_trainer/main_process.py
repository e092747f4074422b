"""
The main process of an attempt: what rank 0 does alone, while the other processes wait.

It freezes the dataset, finds the checkpoint to resume from, evaluates, publishes checkpoints and the model, and
reports. Knows nothing of the other processes.
"""

import json
import platform
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_api import TrainingRun
from atlas_api.errors import DigestMismatch
from atlas_api.inputs.budgets import METRICS, decode_json
from atlas_api.text import one_line
from atlas_api.training.status import CheckpointAddress, ModelStatus
from atlas_trainer.dataset.dataset import INDEX_FILE, Dataset, build_dataset, freeze, thaw_from
from atlas_trainer.evaluation.measurement import EvaluationResult, results_at
from atlas_trainer.reporting.reporter import Reporter
from atlas_trainer.storage.checkpoints import ANOTHER_RUN, FINAL, RunCheckpoints, checkpoint_name
from atlas_trainer.storage.known import Known
from atlas_trainer.storage.store import Store
from atlas_trainer.traces.session import Tally

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from atlas_trainer.evaluation.evaluator import Evaluator

_SHOWN = 300
VERSIONED = ("atlas-core", "torch", "transformers", "trl", "peft", "accelerate", "datasets")


@dataclass(frozen=True, slots=True)
class TrainingSetup:
    """Dataset, trainer and evaluator: all there once the dataset is frozen and the model is loaded."""

    dataset: Dataset
    trainer: "Trainer"
    evaluator: "Evaluator"


class MainProcess:
    """The work of rank 0 in one attempt. *scratch* is a folder that it may fill and empty."""

    def __init__(
        self, run: TrainingRun, store: Store, reporter: Reporter, scratch: Path, known: Known | None = None
    ) -> None:
        """*known* is what the cluster knows of the run; left out: nothing."""
        self.known = known or Known()
        self.run = run
        self.spec = run.spec
        self.store = store
        self.reporter = reporter
        self.scratch = scratch
        checkpoints = self.known.checkpoints
        self.checkpoints = RunCheckpoints(store, run.folder, None if checkpoints is None else dict(checkpoints))
        self.digest = ""
        self.results: dict[int, EvaluationResult] = {}

    def freeze_dataset(self, tokenizer: "PreTrainedTokenizerBase") -> Dataset:
        """Select the dataset, unless an earlier attempt has; from here on it is in the store."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        dataset = self._frozen() or self._selected(tokenizer)
        self.digest = dataset.digest
        self.reporter.dataset(dataset.status())
        self.checkpoints.remove_incomplete()
        return dataset

    def newest_checkpoint(self) -> tuple[Path, int] | None:
        """Local folder and step of the newest sound checkpoint, to resume from. None: start from the beginning."""
        newest = self.checkpoints.newest_sound(self.scratch / "resume", self.digest)
        if newest:
            self.reporter.saved(self.checkpoints.status())
        elif self.known.checkpoints:
            self.reporter.note("none of the checkpoints that the cluster knows is left: the run begins again")
        return newest

    def checkpoint_sha256(self, step: int) -> str:
        """SHA-256 of the manifest of the checkpoint at *step*, which `newest_checkpoint` has found."""
        return (self.checkpoints.counted or {})[step]

    def begin_training(self, setup: TrainingSetup, step: int) -> None:
        """Take over what earlier attempts measured up to *step*, and measure the baseline if nobody has."""
        self._recall_results(step)
        if self.spec.evaluation.baseline and 0 not in self.results:
            self.evaluate(setup, setup.trainer.model, 0)
        self.reporter.training_started(step, setup.trainer.args.max_steps)

    def evaluate(self, setup: TrainingSetup, model: "PreTrainedModel", step: int) -> None:
        """Evaluate *model* and keep the result in the store. Raises what `Evaluator.measure` raises."""
        if not setup.evaluator.rows:
            return
        result = setup.evaluator.measure(model, step, lambda done, total: self.reporter.evaluating(step, done, total))
        self.results[step] = result
        self.store.write(_result_key(self.run, step), json.dumps(result.to_json()).encode())
        self.reporter.evaluated(result)

    def publish_checkpoint(self, setup: TrainingSetup, folder: Path, step: int) -> None:
        """Move the checkpoint in *folder* into the store, and delete those that retention does not keep."""
        self.checkpoints.publish(folder, checkpoint_name(step), step, self._facts(setup, step))
        self.checkpoints.retain(self.spec.checkpoints.keep, self.spec.checkpoints.keep_best)
        self.reporter.saved(self.checkpoints.status())

    def publish_model(self, setup: TrainingSetup) -> ModelStatus:
        """Save the final model and move it into the store."""
        step = setup.trainer.state.global_step
        draft = self.scratch / FINAL
        setup.trainer.save_model(str(draft))
        address = self.checkpoints.publish(draft, FINAL, step, self._facts(setup, step))
        shutil.rmtree(self.scratch, ignore_errors=True)
        return _model_status(address, self.run.number)

    def _frozen(self) -> Dataset | None:
        key = dataset_key(self.run)
        dataset = thaw_from(self.store, key, self.scratch / "dataset")
        if dataset is not None and self.known.dataset not in (None, dataset.digest):
            raise DigestMismatch(
                f"{self.store.uri(key)} holds the dataset {dataset.digest}, the cluster knows {self.known.dataset}: "
                f"somebody else wrote there; {ANOTHER_RUN}"
            )
        return dataset

    def _selected(self, tokenizer: "PreTrainedTokenizerBase") -> Dataset:
        key, draft = dataset_key(self.run), self.scratch / "dataset"
        dataset = build_dataset(self.spec, tokenizer, Tally(), self.reporter.reading)
        freeze(dataset, draft)
        # The index is what makes the dataset complete, so it follows the rows.
        index = (draft / INDEX_FILE).read_bytes()
        (draft / INDEX_FILE).unlink()
        self.store.move_in(draft, key)
        self.store.write(f"{key}/{INDEX_FILE}", index)
        return dataset

    def _recall_results(self, step: int) -> None:
        for key in self.store.list(f"{self.run.folder}/evaluations"):
            try:
                result = EvaluationResult.from_json(decode_json(self.store.read(key, METRICS) or b"", METRICS))
            except ValueError as error:
                self.reporter.note(f"{self.store.uri(key)} is passed over: {one_line(str(error), _SHOWN)}")
                continue
            if result.step <= step and key == _result_key(self.run, result.step):
                self.results[result.step] = result
                self.reporter.recalled(result)

    def _facts(self, setup: TrainingSetup, step: int) -> dict[str, Any]:
        """Content of a checkpoint's manifest besides its files: what it was made from, and how good it is."""
        status = setup.dataset.status()
        return {
            "training": f"{self.run.namespace}/{self.run.name}",
            "run": self.run.number,
            "attempt": self.run.attempt,
            "createdAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "spec": self.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            "specHash": self.spec.hash(),
            "dataset": status.model_dump(mode="json", by_alias=True, include={"digest", "watermark", "used"}),
            "base": {"source": self.spec.model.source, "revision": _revision(setup.trainer)},
            "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}},
            "metrics": results_at(self.results, step),
            "rewardRevisions": list(self.reporter.revisions),
        }


def dataset_key(run: TrainingRun) -> str:
    """Key of the frozen dataset of *run* in the store."""
    return f"{run.folder}/dataset"


def _revision(trainer: "Trainer") -> str | None:
    """The hub commit that was loaded; None for a folder."""
    commit: str | None = getattr(trainer.model.config, "_commit_hash", None)
    return commit


def _model_status(address: CheckpointAddress, run: int) -> ModelStatus:
    return ModelStatus(uri=address.uri, run=run, sha256=address.sha256, metric=address.metric)


def _result_key(run: TrainingRun, step: int) -> str:
    return f"{run.folder}/evaluations/step-{step:06d}.json"
