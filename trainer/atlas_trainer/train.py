"""
One attempt at one run, from traces to a finished model.

Called by `atlas-core run` and `python -m atlas_trainer`. The order is the story: tokenizer, dataset (frozen by the
first attempt), baseline, training with checkpoints, final model. Every ending is reported: success, failure,
interruption.
"""

import json
import platform
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from atlas_api import TrainingRun
from atlas_api.errors import AtlasError
from atlas_api.status import CheckpointAddress, CheckpointsStatus, ModelStatus
from atlas_rewards import build_scorer
from atlas_trainer import environment
from atlas_trainer.checkpoints import FINAL, RunCheckpoints, best, checkpoint_name
from atlas_trainer.dataset import Dataset, build_dataset, freeze, thaw
from atlas_trainer.interrupt import Interrupt
from atlas_trainer.measurement import EvaluationResult
from atlas_trainer.mirror import Mirror
from atlas_trainer.progress import Reporter
from atlas_trainer.runs import work_folder
from atlas_trainer.session import Tally
from atlas_trainer.store import LocalStore, Store, open_store
from atlas_trainer.tokenizer import load_tokenizer
from atlas_trainer.torch_errors import torch_errors

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase
    from trl import GRPOTrainer

VERSIONED = ("atlas-core", "torch", "transformers", "trl", "peft", "accelerate", "datasets")
RESUMABLE = ("preempted", "infrastructure", "outOfMemory")
"""Failure classes after which the next start continues the run instead of beginning another."""


def train(run: TrainingRun, console: Console) -> ModelStatus:
    """Execute *run*. Returns the finished model; raises the `AtlasError` that ended it, already reported."""
    environment.prepare(run.spec.model)
    store = open_store(run.spec.checkpoints)
    folder = work_folder(run, store)
    mirror = None if isinstance(store, LocalStore) else Mirror(store, run, folder)
    if mirror:
        if run.attempt == 1:
            shutil.rmtree(folder, ignore_errors=True)
        mirror.fetch(folder.parent / "status.json", folder / "metrics.jsonl")
    interrupt = Interrupt()
    with Reporter(run, folder, console, publish=mirror.publish if mirror else None) as reporter:
        try:
            with interrupt.installed(), torch_errors():
                model = _Attempt(run, store, reporter, interrupt).execute()
        except AtlasError as error:
            reporter.failed(error, interrupted=error.failure in RESUMABLE)
            raise
        reporter.finished(model)
    return model


class _Attempt:
    """What the steps of one attempt share."""

    def __init__(self, run: TrainingRun, store: Store, reporter: Reporter, interrupt: Interrupt) -> None:
        self.run = run
        self.spec = run.spec
        self.store = store
        self.reporter = reporter
        self.interrupt = interrupt
        self.folder = work_folder(run, store)
        self.saving = self.folder / ".saving"
        self.checkpoints = RunCheckpoints(store, run.folder)
        self.results: dict[int, EvaluationResult] = {}

    def execute(self) -> ModelStatus:
        """The whole story. Raises `AtlasError`."""
        shutil.rmtree(self.saving, ignore_errors=True)
        scorer = build_scorer(self.spec.reward)
        tokenizer = load_tokenizer(self.spec.model)
        self.dataset = self._frozen_dataset(tokenizer)
        self.reporter.dataset(self.dataset.status())
        self.checkpoints.sweep()

        # torch and TRL take seconds to import: every mistake above is reported before.
        from atlas_trainer import grpo
        from atlas_trainer.evaluation import Evaluator

        self.evaluator = Evaluator(tokenizer, scorer, self._held_out(), self.spec.grpo.max_completion_tokens)
        self.trainer = grpo.build_trainer(self.spec, tokenizer, self.dataset.train, scorer, self.saving)
        resume = self.checkpoints.newest_sound(self.saving / "resume")
        done = resume[1] if resume else 0
        self._recall_results(done)
        if self.spec.evaluation.baseline and 0 not in self.results:
            self._measure(self.trainer.model, 0)

        self.reporter.training_started(done, self.trainer.args.max_steps)
        hooks = grpo.Hooks(measure=self._measure, step=self.reporter.step, saved=self._saved)
        grpo.train(self.trainer, self.spec, hooks, self.interrupt, resume[0] if resume else None)
        return self._finish()

    def _frozen_dataset(self, tokenizer: "PreTrainedTokenizerBase") -> Dataset:
        """The dataset that the first attempt selected; this one selects it when there is none yet."""
        key = f"{self.run.folder}/dataset"
        if self.store.read(f"{key}/dataset.json") is not None:
            frozen = thaw(self.store.bring_out(key, self.saving / "dataset"))
            if frozen is not None:
                return frozen
        dataset = build_dataset(self.spec, tokenizer, Tally(), self.reporter.reading)
        draft = self.saving / "dataset"
        freeze(dataset, draft)
        # The index is what makes the dataset complete, so it follows the rows.
        index = (draft / "dataset.json").read_bytes()
        (draft / "dataset.json").unlink()
        self.store.move_in(draft, key)
        self.store.write(f"{key}/dataset.json", index)
        return dataset

    def _held_out(self) -> list[Any]:
        """The held-out rows that are evaluated: an even pick when there are more than `evaluation.samples`."""
        rows, wanted = self.dataset.eval, self.spec.evaluation.samples
        if len(rows) <= wanted:
            return list(rows)
        return [rows[index * len(rows) // wanted] for index in range(wanted)]

    def _measure(self, model: Any, step: int) -> None:
        if not self.evaluator.rows:
            return
        result = self.evaluator.measure(model, step, lambda done, total: self.reporter.evaluating(step, done, total))
        self.results[step] = result
        self.store.write(_result_key(self.run, step), json.dumps(result.to_json()).encode())
        self.reporter.evaluated(result)

    def _recall_results(self, step: int) -> None:
        """Take over what earlier attempts measured up to *step*."""
        for key in self.store.list(f"{self.run.folder}/evaluations"):
            result = EvaluationResult.from_json(json.loads(self.store.read(key) or b"null"))
            if result.step <= step:
                self.results[result.step] = result
                self.reporter.recalled(result)

    def _saved(self, folder: Path, step: int) -> None:
        self.checkpoints.publish(folder, checkpoint_name(step), step, self._facts(step))
        self.checkpoints.retain(self.spec.checkpoints.keep, self.spec.checkpoints.keep_best)
        self.reporter.saved(self._checkpoints_status())

    def _checkpoints_status(self) -> CheckpointsStatus:
        complete = self.checkpoints.complete()
        return CheckpointsStatus(latest=complete[-1] if complete else None, best=best(complete))

    def _finish(self) -> ModelStatus:
        step = self.trainer.state.global_step
        draft = self.saving / FINAL
        self.trainer.save_model(str(draft))
        address = self.checkpoints.publish(draft, FINAL, step, self._facts(step))
        shutil.rmtree(self.saving, ignore_errors=True)
        return _model_status(address, self.run.number)

    def _facts(self, step: int) -> dict[str, Any]:
        """What the manifest says about a save besides its files."""
        from atlas_trainer.grpo import results_at

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
        }


def _revision(trainer: "GRPOTrainer") -> str | None:
    """The hub commit that was loaded; None for a folder."""
    commit: str | None = getattr(trainer.model.config, "_commit_hash", None)
    return commit


def _model_status(address: CheckpointAddress, run: int) -> ModelStatus:
    return ModelStatus(uri=address.uri, run=run, sha256=address.sha256, metric=address.metric)


def _result_key(run: TrainingRun, step: int) -> str:
    return f"{run.folder}/evaluations/step-{step:06d}.json"
