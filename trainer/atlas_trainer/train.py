"""
One attempt at one run, from traces to a finished model.

The order is the story: the model and its tokenizer checked, dataset (frozen by the first attempt), baseline, training
with checkpoints, final model. Where several processes train together, all go through it; what `MainProcess` does
happens in rank 0 while the others wait. Every ending is reported: success, failure, interruption.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console

from atlas_api import TrainingRun
from atlas_api.errors import AtlasError, CheckpointFailed
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import ModelStatus
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_rewards.trl.training_reward import build_reward
from atlas_trainer.algorithms import algorithm_of
from atlas_trainer.algorithms.event_handlers import EventHandlers
from atlas_trainer.dataset.dataset import Dataset, thaw_from
from atlas_trainer.dataset.model_source import find_model, lies_here
from atlas_trainer.distributed import environment
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup
from atlas_trainer.distributed.torch_errors import torch_errors
from atlas_trainer.main_process import MainProcess, TrainingSetup, dataset_key
from atlas_trainer.reporting.reporter import Reporter
from atlas_trainer.reporting.status import phase_after
from atlas_trainer.storage.checkpoints import RunCheckpoints
from atlas_trainer.storage.known import Known
from atlas_trainer.storage.runs import cache_folder, claim, locate, put_aside_unreadable_status, work_folder
from atlas_trainer.storage.store import LocalStore, Store, open_store
from atlas_trainer.storage.sync import FileSync
from atlas_trainer.storage.trial import try_out

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

T = TypeVar("T")


def train(
    run: TrainingRun,
    console: Console,
    process_group: ProcessGroup | None = None,
    send: Callable[[RunReport], None] | None = None,
    known: Known | None = None,
) -> ModelStatus:
    """Execute *run* as the main process of its group; left out: as the only process. *send* gets a report an event.

    *known* is what the cluster knows of the run; left out: nothing.
    Returns the finished model; raises the `AtlasError` that ended it, already reported.
    """
    environment.prepare(offline=lies_here(run.spec.model))
    store = open_store(run.spec.checkpoints)
    try_out(store, run.folder)
    run = claim(run, store)
    folder = work_folder(run, store)
    sync = _file_sync(run, store, folder)
    if known is not None:
        put_aside_unreadable_status(folder.parent / "status.json")
    publish, address = (sync.upload, store.uri(run.folder)) if sync else (None, None)
    interrupt = Interrupt()
    with interrupt.installed(), Reporter(run, folder, console, publish, send=send, address=address) as reporter:
        main = MainProcess(run, store, reporter, folder / ".saving", known)
        try:
            with interrupt.undisguised(), torch_errors():
                process = _TrainingProcess(
                    run, store, process_group or ProcessGroup(), interrupt, scratch=main.scratch, main=main
                )
                model = process.execute()
        except AtlasError as error:
            # What ended the attempt is the news, also where store or disk no longer take it.
            with interrupt.deferred(), suppress(AtlasError, OSError):
                reporter.failed(error, interrupted=phase_after(error) == "Interrupted")
            raise
        with interrupt.deferred():
            reporter.finished(model)
    return model


def run_worker(run: TrainingRun, process_group: ProcessGroup) -> None:
    """Execute *run* as a process of the group that is not the main one. Raises the `AtlasError` that ended it."""
    environment.prepare(offline=lies_here(run.spec.model))
    store = open_store(run.spec.checkpoints)
    run = locate(run, store)
    interrupt = Interrupt()
    cache = tempfile.TemporaryDirectory(dir=cache_folder())
    with interrupt.installed(), interrupt.undisguised(), torch_errors(), cache as scratch:
        _TrainingProcess(run, store, process_group, interrupt, scratch=Path(scratch), main=None).execute()


def _file_sync(run: TrainingRun, store: Store, folder: Path) -> FileSync | None:
    """Sync of *folder* with an object store, from which it is filled now. None where the store is a folder here."""
    if isinstance(store, LocalStore):
        return None
    sync = FileSync(store, run, folder)
    if run.attempt == 1:
        shutil.rmtree(folder, ignore_errors=True)
    sync.download(folder.parent / "status.json", folder / "metrics.jsonl")
    return sync


class _TrainingProcess:
    """One process of an attempt. *main* is the work that rank 0 does besides; None in the others."""

    def __init__(
        self,
        run: TrainingRun,
        store: Store,
        process_group: ProcessGroup,
        interrupt: Interrupt,
        *,
        scratch: Path,
        main: MainProcess | None,
    ) -> None:
        self.run = run
        self.spec = run.spec
        self.store = store
        self.process_group = process_group
        self.interrupt = interrupt
        self.scratch = scratch
        self.main = main

    def execute(self) -> ModelStatus:
        """Go through the whole attempt. Raises `AtlasError`."""
        self.process_group.join()
        with closing(build_reward(self.spec.reward, self.run.namespace)) as reward:
            return self._train(reward)

    def _train(self, reward: JudgedReward) -> ModelStatus:
        source = find_model(self.spec.model)
        # Before anything is read or loaded: a judge that refuses its key would refuse it hours later, too.
        self.process_group.in_main(reward.check)

        # torch and TRL take seconds to import: a model that is not there is reported before. Reading sessions can take
        # hours: everything else that is wrong with model and arguments is reported before that.
        algorithm = algorithm_of(self.spec)
        from atlas_trainer.evaluation.evaluator import Evaluator, evaluated_rows
        from atlas_trainer.models.checks import check_model

        algorithm.check_arguments(self.spec, self.process_group.size)
        tokenizer, note = check_model(self.spec.model, source)
        if note and self.main:
            self.main.reporter.note(note)
        dataset = self._dataset(tokenizer)
        trainer = algorithm.build_trainer(
            self.spec,
            source,
            tokenizer,
            dataset.train,
            reward=reward,
            folder=self.scratch,
            process_group=self.process_group,
        )
        rows = evaluated_rows(dataset.eval, self.spec.evaluation.samples)
        evaluator = Evaluator(
            tokenizer,
            reward,
            rows,
            self.spec.max_completion_tokens,
            marks=self.spec.reward.answer.thought,
            cut_scores=self.spec.reward.truncated == "scored",
        )
        setup = TrainingSetup(dataset, trainer, evaluator)
        resume = self._resume(setup)
        algorithm.train(
            trainer, self.spec, self.process_group, self._handlers(setup), interrupt=self.interrupt, resume_from=resume
        )
        return self._model(setup)

    def _resume(self, setup: TrainingSetup) -> Path | None:
        """Begin at the newest checkpoint. Its local folder; None where the run begins from the beginning."""
        newest = self.process_group.in_main(lambda: self._main().newest_checkpoint())
        step = self._from_main(lambda _: newest[1] if newest else None)
        self._from_main(lambda main: main.begin_training(setup, step or 0))
        return None if step is None else self._checkpoint(newest[0] if newest else None, step)

    def _model(self, setup: TrainingSetup) -> ModelStatus:
        """Publish the final model. What is known of it, in every process."""
        published = self._from_main(lambda main: main.publish_model(setup).model_dump(mode="json", by_alias=True))
        return ModelStatus.model_validate(published)

    def _handlers(self, setup: TrainingSetup) -> EventHandlers | None:
        if self.main is None:
            return None
        main = self.main
        return EventHandlers(partial(main.evaluate, setup), main.reporter.step, partial(main.publish_checkpoint, setup))

    def _from_main(self, work: Callable[[MainProcess], T]) -> T:
        """Do what the main process alone can do, and give its result to all."""
        return self.process_group.from_main(lambda: work(self._main()))

    def _main(self) -> MainProcess:
        if self.main is None:
            raise ValueError("only rank 0 is the main process")
        return self.main

    def _dataset(self, tokenizer: "PreTrainedTokenizerBase") -> Dataset:
        frozen = self.process_group.in_main(lambda: self._main().freeze_dataset(tokenizer))
        digest = self._from_main(lambda main: main.digest)
        return frozen or self._thawed(digest)

    def _thawed(self, digest: str) -> Dataset:
        """The dataset that the main process has frozen, with that digest."""
        key = dataset_key(self.run)
        dataset = thaw_from(self.store, key, self.scratch / "dataset")
        if dataset is None or dataset.digest != digest:
            raise CheckpointFailed(f"{self.store.uri(key)} is there for the first process and not for this one")
        return dataset

    def _checkpoint(self, folder: Path | None, step: int) -> Path:
        """Local folder of the checkpoint at *step*. One process of each pod fetches it, for all of them.

        *folder* is where the main process has it already; None in the others.
        """
        sha256 = self._from_main(lambda main: main.checkpoint_sha256(step))
        if folder is None and self.process_group.local_rank == 0:
            folder = RunCheckpoints(self.store, self.run.folder).bring_out(step, sha256, self.scratch / "resume")
        folders = self.process_group.gather(None if folder is None else str(folder))
        fetched = folders[self.process_group.host_rank]
        if fetched is None:
            raise CheckpointFailed(f"the first process of this pod brought no checkpoint of step {step}")
        return Path(fetched)
