"""
One attempt at one run, from traces to a finished model.

Called by `atlas-core run` and `python -m atlas_trainer`. The order is the story: tokenizer, dataset (frozen by the
first attempt), baseline, training with checkpoints, final model. Where several processes train together, all go through
it, and what `Lead` does happens in the first while the others wait. Every ending is reported: success, failure,
interruption.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from atlas_api import TrainingRun
from atlas_api.errors import AtlasError, CheckpointFailed
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import ModelStatus
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_rewards.trl.training_reward import build_reward
from atlas_trainer.dataset.dataset import Dataset, thaw
from atlas_trainer.dataset.tokenizer import load_tokenizer
from atlas_trainer.distributed import environment
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup
from atlas_trainer.distributed.torch_errors import torch_errors
from atlas_trainer.main_process import Lead, dataset_key
from atlas_trainer.reporting.reporter import Reporter
from atlas_trainer.reporting.status import phase_after
from atlas_trainer.storage.checkpoints import checkpoint_name
from atlas_trainer.storage.runs import cache_folder, claimed, placed, work_folder
from atlas_trainer.storage.store import LocalStore, Store, open_store
from atlas_trainer.storage.sync import Mirror

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from atlas_trainer.algorithms.grpo import Hooks

T = TypeVar("T")


def train(
    run: TrainingRun,
    console: Console,
    process_group: ProcessGroup | None = None,
    say: Callable[[RunReport], None] | None = None,
) -> ModelStatus:
    """Execute *run*, as the first process of *process_group*; left out: as the only one. *say* is told of every event.

    Returns the finished model; raises the `AtlasError` that ended it, already reported.
    """
    environment.prepare(run.spec.model)
    store = open_store(run.spec.checkpoints)
    run = claimed(run, store)
    folder = work_folder(run, store)
    mirror = _mirror(run, store, folder)
    publish, address = (mirror.publish, store.uri(run.folder)) if mirror else (None, None)
    interrupt = Interrupt()
    with interrupt.installed(), Reporter(run, folder, console, publish, say=say, address=address) as reporter:
        lead = Lead(run, store, reporter, folder / ".saving")
        try:
            with torch_errors():
                attempt = _Attempt(
                    run, store, process_group or ProcessGroup(), interrupt, scratch=lead.scratch, lead=lead
                )
                model = attempt.execute()
        except AtlasError as error:
            # What ended the attempt is the news, also where store or disk no longer take it.
            with interrupt.deferred(), suppress(AtlasError, OSError):
                reporter.failed(error, interrupted=phase_after(error) == "Interrupted")
            raise
        with interrupt.deferred():
            reporter.finished(model)
    return model


def follow(run: TrainingRun, process_group: ProcessGroup) -> None:
    """Execute *run* as one of the other processes of *process_group*. Raises the `AtlasError` that ended it."""
    environment.prepare(run.spec.model)
    store = open_store(run.spec.checkpoints)
    run = placed(run, store)
    interrupt = Interrupt()
    with interrupt.installed(), torch_errors(), tempfile.TemporaryDirectory(dir=cache_folder()) as scratch:
        _Attempt(run, store, process_group, interrupt, scratch=Path(scratch), lead=None).execute()


def _mirror(run: TrainingRun, store: Store, folder: Path) -> Mirror | None:
    """Between an object store and *folder*, which is then as the store has it."""
    if isinstance(store, LocalStore):
        return None
    mirror = Mirror(store, run, folder)
    if run.attempt == 1:
        shutil.rmtree(folder, ignore_errors=True)
    mirror.fetch(folder.parent / "status.json", folder / "metrics.jsonl")
    return mirror


class _Attempt:
    """What all processes of one attempt do. *lead* is what the first of them does besides; None in the others."""

    def __init__(
        self,
        run: TrainingRun,
        store: Store,
        process_group: ProcessGroup,
        interrupt: Interrupt,
        *,
        scratch: Path,
        lead: Lead | None,
    ) -> None:
        self.run = run
        self.spec = run.spec
        self.store = store
        self.process_group = process_group
        self.interrupt = interrupt
        self.scratch = scratch
        self.lead = lead

    def execute(self) -> ModelStatus:
        """The whole story. Raises `AtlasError`."""
        self.process_group.join()
        with closing(build_reward(self.spec.reward, self.run.namespace)) as reward:
            return self._train(reward)

    def _train(self, reward: JudgedReward) -> ModelStatus:
        tokenizer = load_tokenizer(self.spec.model)
        dataset = self._dataset(tokenizer)

        # torch and TRL take seconds to import: every mistake above is reported before.
        from atlas_trainer.algorithms import grpo
        from atlas_trainer.evaluation.evaluator import Evaluator

        trainer = grpo.build_trainer(
            self.spec, tokenizer, dataset.train, reward, self.scratch, process_group=self.process_group
        )
        step = self._first_does(lambda lead: lead.newest_step())
        limit = self.spec.grpo.max_completion_tokens
        self._first_does(
            lambda lead: lead.begin(trainer, Evaluator(tokenizer, reward, lead.held_out(), limit), step or 0)
        )
        resume = None if step is None else self._checkpoint(step)
        grpo.train(trainer, self.spec, self.process_group, self._hooks(), interrupt=self.interrupt, resume_from=resume)
        return self._first_does(lambda lead: lead.finish())

    def _hooks(self) -> "Hooks | None":
        from atlas_trainer.algorithms.grpo import Hooks

        return Hooks(self.lead.measure, self.lead.reporter.step, self.lead.saved) if self.lead else None

    def _first_does(self, work: Callable[[Lead], T]) -> T:
        """What the first process alone can do; its result is known to all."""
        return self.process_group.from_main(lambda: work(self._leading()))

    def _leading(self) -> Lead:
        if self.lead is None:
            raise ValueError("only the first process leads")
        return self.lead

    def _dataset(self, tokenizer: "PreTrainedTokenizerBase") -> Dataset:
        self._first_does(lambda lead: lead.freeze(tokenizer))
        if self.lead:
            return self.lead.dataset
        key = dataset_key(self.run)
        frozen = thaw(self.store.bring_out(key, self.scratch / "dataset"))
        if frozen is None:
            raise CheckpointFailed(f"{self.store.uri(key)} is there for the first process and not for this one")
        return frozen

    def _checkpoint(self, step: int) -> Path:
        """Local folder of the checkpoint at *step*. One process of each pod fetches it, for all of them."""
        folder = self.lead.resume_folder if self.lead else None
        if folder is None and self.process_group.local_rank == 0:
            key = f"{self.run.folder}/{checkpoint_name(step)}"
            folder = self.store.bring_out(key, self.scratch / "resume")
        fetched = self.process_group.gather(folder)[self.process_group.host_rank]
        if fetched is None:
            raise CheckpointFailed(f"the first process of this pod brought no checkpoint of step {step}")
        return fetched
