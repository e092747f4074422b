"""
The reporter: the one object that the trainer tells what happens in an attempt. It fans out:

    terminal            a live line, or plain lines
    metrics.jsonl       every number
    tensorboard/        the same numbers as TensorBoard files
    report.html         the whole story, after each evaluation and at the end
    ../status.json      LocalStatus of the training, after every event
    *send*              RunReport of the attempt, to the operator, after every event

Knows no model and no store: *publish* carries a finished file to wherever the run's files go.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console

from atlas_api.errors import AtlasError
from atlas_api.pods.run_file import TrainingRun
from atlas_api.pods.run_report import RunReport
from atlas_api.training.status import CheckpointsStatus, DatasetStatus, LocalStatus, ModelStatus, Progress
from atlas_trainer.evaluation.comparison import Comparison
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting import status as status_rules
from atlas_trainer.reporting.html.page import render_report
from atlas_trainer.reporting.metrics_log import MetricsLog
from atlas_trainer.reporting.revisions import revisions_in, warning
from atlas_trainer.reporting.summary import run_summary
from atlas_trainer.reporting.tensorboard import TensorBoard
from atlas_trainer.reporting.terminal import Terminal
from atlas_trainer.storage.atomic_file import replace_text
from atlas_trainer.storage.runs import read_status_file

PUBLISH_SECONDS = 10
"""Least time between two publications of the status that are no milestones."""

HEARTBEAT_SECONDS = 30
"""Time after which the operator gets a report although nothing happened: the run works."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


class Reporter:
    """Reports of one attempt. A context manager: leaving it gives the terminal back, whatever happened."""

    def __init__(
        self,
        run: TrainingRun,
        folder: Path,
        console: Console,
        publish: Callable[[Path], None] | None = None,
        clock: Clock = utc_now,
        *,
        send: Callable[[RunReport], None] | None = None,
        address: str | None = None,
    ) -> None:
        """Begin an attempt in *folder*, the run's, made when missing. Files there tell of earlier attempts and runs.

        *address* is where the folder's files are published to, for people; left out: nowhere else.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.run = run
        self.report_path = folder / "report.html"
        self.address = address or str(folder)
        self.status_path = folder.parent / "status.json"
        self.metrics = MetricsLog(folder / "metrics.jsonl")
        self.tensorboard = TensorBoard(folder / "tensorboard", run.attempt)
        self.terminal = Terminal(console)
        self.publish = publish
        self.clock = clock
        self.send = send
        self.results: dict[int, EvaluationResult] = {}
        self.revisions = revisions_in(self.metrics.read())
        self.max_steps = 0
        self.marks: list[datetime] = []
        self.published_at: datetime | None = None
        self.reported_at = clock()
        # An operator must not believe what comes back from a store that others may write to.
        self.unconfirmed: dict[str, Any] = {"dataset": None, "checkpoints": CheckpointsStatus()}
        self._write_status(status_rules.status_after_start(read_status_file(self.status_path), run, self.reported_at))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def reading(self, sessions: int = 0) -> None:
        """Report that so many sessions have been read from the source."""
        self.terminal.reading(sessions)
        self._heartbeat()

    def dataset(self, dataset: DatasetStatus) -> None:
        """Report that the dataset is chosen and frozen."""
        self.terminal.note(dataset_line(dataset))
        self.terminal.waiting("loading the model")
        self.unconfirmed.pop("dataset", None)
        self._write_status(status_rules.status_after_dataset(self.status, dataset))
        self._publish(self.status_path)

    def evaluating(self, step: int, done: int, total: int) -> None:
        """Report that so many of *total* held-out tasks have been answered by the model at *step*."""
        self.terminal.evaluating(evaluation_phase(step, self.max_steps), done, total)
        self._heartbeat()

    def recalled(self, result: EvaluationResult) -> None:
        """Count a result that an earlier attempt of this run has measured, without writing it again."""
        self.results[result.step] = result

    def evaluated(self, result: EvaluationResult) -> None:
        """Report that the model has been measured; step 0 is the baseline."""
        self.results[result.step] = result
        numbers = evaluation_numbers(result)
        self.metrics.append(result.step, "eval", numbers, self.clock(), result.revisions)
        self.tensorboard.write(result.step, "eval", numbers)
        self.terminal.evaluated(result)
        self._warn_of_revisions(result.step, result.revisions)
        self._write_status(status_rules.status_after_evaluation(self.status, result))
        self._write_report()

    def training_started(self, step: int, max_steps: int) -> None:
        """Report that training begins, or resumes after *step* > 0: what was written past it is taken back."""
        self.max_steps = max_steps
        self.marks = [self.clock()]
        self.results = {at: result for at, result in self.results.items() if at <= step}
        self.metrics.rewind(step)
        self.revisions = revisions_in(self.metrics.read())
        self.tensorboard.resume(step)
        if step:
            self.terminal.note(f"continuing after step {step} of {max_steps}")
        self.terminal.training(step, max_steps, None, None, self.clock())
        resumed = status_rules.status_after_rewind(self.status, self._comparison().after)
        self._write_status(status_rules.status_after_step(resumed, self._progress(step), {}))

    def step(self, step: int, metrics: Mapping[str, float], revisions: Sequence[str] = ()) -> None:
        """Report an optimizer step; *metrics* are as TRL logs them, *revisions* those of the judges that scored it."""
        now = self.clock()
        self.marks = [*self.marks[-status_rules.RECENT_STEPS :], now]
        self.metrics.append(step, "train", metrics, now, revisions)
        self.tensorboard.write(step, "train", metrics)
        progress = self._progress(step)
        self.terminal.step(step, self.max_steps, metrics, progress.eta_seconds, now)
        self._warn_of_revisions(step, revisions)
        self._write_status(status_rules.status_after_step(self.status, progress, metrics))
        if self.published_at is None or (now - self.published_at).total_seconds() >= PUBLISH_SECONDS:
            self._publish(self.status_path)

    def saved(self, checkpoints: CheckpointsStatus) -> None:
        """Report which checkpoints are complete."""
        self.unconfirmed.pop("checkpoints", None)
        self._write_status(status_rules.status_after_save(self.status, checkpoints))
        self._publish(self.status_path, self.metrics.path, *self.tensorboard.files())

    def note(self, text: str) -> None:
        """Show a text that a person should read."""
        self.terminal.note(text)

    def finished(self, model: ModelStatus) -> None:
        """Report that the final model is complete."""
        self._end(status_rules.status_after_success(self.status, model, self.clock()))

    def failed(self, error: AtlasError, interrupted: bool) -> None:
        """Report that the attempt ends without a model. The error itself is shown by whoever catches it."""
        self._end(status_rules.status_after_failure(self.status, error, interrupted, self.clock()), error)

    def close(self) -> None:
        """Give the terminal back and end the TensorBoard files. Harmless when done already."""
        self.terminal.close()
        self.tensorboard.close()

    def _end(self, status: LocalStatus, error: AtlasError | None = None) -> None:
        self._write_status(status, error)
        self.tensorboard.close()
        self.terminal.close(run_summary(self.run, status, self._comparison(), self.address))
        self._write_report()

    def _warn_of_revisions(self, step: int, revisions: Sequence[str]) -> None:
        """Warn when judges changed."""
        new = {revision: step for revision in revisions if revision not in self.revisions}
        self.revisions |= new
        if new and len(self.revisions) > 1:
            self.note(warning(self.revisions))

    def _comparison(self) -> Comparison:
        return Comparison.of([self.results[step] for step in sorted(self.results)])

    def _progress(self, step: int) -> Progress:
        now = self.clock()
        eta = status_rules.eta_seconds(self.marks, self.max_steps - step)
        return status_rules.progress_at(step, self.max_steps, eta, now)

    def _write_status(self, status: LocalStatus, error: AtlasError | None = None) -> None:
        self.status = status
        self._send_report(status, error)
        document = status.model_dump(mode="json", by_alias=True, exclude_none=True)
        replace_text(self.status_path, json.dumps(document, indent=2) + "\n")

    def _send_report(self, status: LocalStatus, error: AtlasError | None) -> None:
        self.reported_at = self.clock()
        if self.send is not None:
            report = status_rules.report_of(status, error, self.reported_at)
            self.send(report.model_copy(update=self.unconfirmed))

    def _heartbeat(self) -> None:
        """Send the status again when nothing was sent for a while: the operator sees that the run works."""
        if (self.clock() - self.reported_at).total_seconds() >= HEARTBEAT_SECONDS:
            self._send_report(self.status, None)

    def _write_report(self) -> None:
        """Write report and publish everything: the report is only as new as what it was made from."""
        results = [self.results[step] for step in sorted(self.results)]
        page = render_report(self.run, self.status, self.metrics.read(), results, self.clock())
        replace_text(self.report_path, page)
        self._publish(self.metrics.path, *self.tensorboard.files(), self.report_path, self.status_path)

    def _publish(self, *paths: Path) -> None:
        self.published_at = self.clock()
        for path in paths:
            if self.publish is not None and path.exists():
                self.publish(path)


def evaluation_phase(step: int, max_steps: int) -> str:
    """Name of an evaluation in the terminal: `max_steps` is 0 before training has started."""
    if step == 0:
        return "evaluating before"
    return "evaluating after" if step >= max_steps else "evaluating"


def evaluation_numbers(result: EvaluationResult) -> dict[str, float | None]:
    """The numbers of an evaluation by name, with the mean of each verifier over what it could judge."""
    parts: dict[str, list[float]] = {}
    for sample in result.samples:
        for name, given in sample.parts.items():
            if given is not None:
                parts.setdefault(name, []).append(given)
    return {
        "success": result.success,
        "reward": result.reward,
        "tokens": result.tokens,
        "truncated": result.truncated,
        "unscored": result.unscored,
        **{f"rewards/{name}": sum(given) / len(given) for name, given in parts.items()},
    }


def dataset_line(dataset: DatasetStatus) -> str:
    """A line about a dataset: counts, causes most frequent first."""
    causes = sorted(dataset.dropped.items(), key=lambda cause: (-cause[1], cause[0]))
    dropped = ", ".join(f"{count:,} {cause}" for cause, count in causes)
    rows = f", {dataset.rows:,} rows" if dataset.rows is not None else ""
    prompts = ", ".join(f"{count:,} {origin}" for origin, count in dataset.prompts.items())
    return (
        f"dataset: {dataset.used:,} sessions used{rows}"
        + (f" (prompts: {prompts})" if prompts else "")
        + (f"; left out: {dropped}" if dropped else "")
    )
