"""
What the first process of a run does alone, while the others wait: freeze the dataset, measure, save, report.

Called by `train`, one method after the other in the order of the story. Knows nothing of the other processes.
"""

import json
import platform
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlas_api import TrainingRun
from atlas_api.training.status import CheckpointAddress, CheckpointsStatus, ModelStatus
from atlas_trainer.dataset.dataset import INDEX_FILE, Dataset, build_dataset, freeze, thaw
from atlas_trainer.evaluation.measurement import EvaluationResult, results_at
from atlas_trainer.reporting.reporter import Reporter
from atlas_trainer.storage.checkpoints import FINAL, RunCheckpoints, best, checkpoint_name
from atlas_trainer.storage.store import Store
from atlas_trainer.traces.session import Tally

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl import GRPOTrainer

    from atlas_trainer.evaluation.evaluator import Evaluator

VERSIONED = ("atlas-core", "torch", "transformers", "trl", "peft", "accelerate", "datasets")


class Lead:
    """The first process of one attempt. *scratch* is a folder that it may fill and empty."""

    def __init__(self, run: TrainingRun, store: Store, reporter: Reporter, scratch: Path) -> None:
        self.run = run
        self.spec = run.spec
        self.store = store
        self.reporter = reporter
        self.scratch = scratch
        self.checkpoints = RunCheckpoints(store, run.folder)
        self.results: dict[int, EvaluationResult] = {}
        self.resume_folder: Path | None = None

    def freeze(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        """Select the dataset, unless an earlier attempt has; from here on it is in the store."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.dataset = self._frozen() or self._selected(tokenizer)
        self.reporter.dataset(self.dataset.status())
        self.checkpoints.sweep()

    def newest_step(self) -> int | None:
        """Step of the newest sound checkpoint, which is then in `resume_folder`. None: start from the beginning."""
        found = self.checkpoints.newest_sound(self.scratch / "resume")
        if found is None:
            return None
        self.resume_folder, step = found
        return step

    def begin(self, trainer: "GRPOTrainer", evaluator: "Evaluator", step: int) -> None:
        """Take over what earlier attempts measured up to *step*, and measure the baseline if nobody has."""
        self.trainer = trainer
        self.evaluator = evaluator
        self._recall_results(step)
        if self.spec.evaluation.baseline and 0 not in self.results:
            self.measure(trainer.model, 0)
        self.reporter.training_started(step, trainer.args.max_steps)

    def held_out(self) -> Sequence[Any]:
        """The held-out rows that are evaluated: an even pick when there are more than `evaluation.samples`."""
        rows, wanted = self.dataset.eval, self.spec.evaluation.samples
        if len(rows) <= wanted:
            return list(rows)
        return [rows[index * len(rows) // wanted] for index in range(wanted)]

    def measure(self, model: Any, step: int) -> None:
        """Evaluate *model* and keep the result in the store. Raises what `Evaluator.measure` raises."""
        if not self.evaluator.rows:
            return
        result = self.evaluator.measure(model, step, lambda done, total: self.reporter.evaluating(step, done, total))
        self.results[step] = result
        self.store.write(_result_key(self.run, step), json.dumps(result.to_json()).encode())
        self.reporter.evaluated(result)

    def saved(self, folder: Path, step: int) -> None:
        """Publish the checkpoint in *folder*."""
        self.checkpoints.publish(folder, checkpoint_name(step), step, self._facts(step))
        self.checkpoints.retain(self.spec.checkpoints.keep, self.spec.checkpoints.keep_best)
        complete = self.checkpoints.complete()
        latest = complete[-1] if complete else None
        self.reporter.saved(CheckpointsStatus(latest=latest, best=best(complete)))

    def finish(self) -> ModelStatus:
        """Publish the final model."""
        step = self.trainer.state.global_step
        draft = self.scratch / FINAL
        self.trainer.save_model(str(draft))
        address = self.checkpoints.publish(draft, FINAL, step, self._facts(step))
        shutil.rmtree(self.scratch, ignore_errors=True)
        return _model_status(address, self.run.number)

    def _frozen(self) -> Dataset | None:
        key = dataset_key(self.run)
        if self.store.read(f"{key}/{INDEX_FILE}") is None:
            return None
        return thaw(self.store.bring_out(key, self.scratch / "dataset"))

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
            result = EvaluationResult.from_json(json.loads(self.store.read(key) or b"null"))
            if result.step <= step:
                self.results[result.step] = result
                self.reporter.recalled(result)

    def _facts(self, step: int) -> dict[str, Any]:
        """What the manifest says about a save besides its files."""
        status = self.dataset.status()
        return {
            "training": f"{self.run.namespace}/{self.run.name}",
            "run": self.run.number,
            "attempt": self.run.attempt,
            "createdAt": datetime.now(UTC).isoformat(timespec="seconds"),
            "spec": self.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
            "specHash": self.spec.hash(),
            "dataset": status.model_dump(mode="json", by_alias=True, include={"digest", "watermark", "used"}),
            "base": {"source": self.spec.model.source, "revision": _revision(self.trainer)},
            "versions": {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}},
            "metrics": results_at(self.results, step),
            "rewardRevisions": list(self.reporter.revisions),
        }


def dataset_key(run: TrainingRun) -> str:
    """Where the store has the frozen dataset of *run*."""
    return f"{run.folder}/dataset"


def _revision(trainer: "GRPOTrainer") -> str | None:
    """The hub commit that was loaded; None for a folder."""
    commit: str | None = getattr(trainer.model.config, "_commit_hash", None)
    return commit


def _model_status(address: CheckpointAddress, run: int) -> ModelStatus:
    return ModelStatus(uri=address.uri, run=run, sha256=address.sha256, metric=address.metric)


def _result_key(run: TrainingRun, step: int) -> str:
    return f"{run.folder}/evaluations/step-{step:06d}.json"
