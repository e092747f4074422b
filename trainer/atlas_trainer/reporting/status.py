"""
The status of a training, event by event.

Pure: each function takes the status so far and what happened, and returns the status after it. Nothing here knows files
or clocks.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from atlas_api.errors import AtlasError, JudgeRefused
from atlas_api.pods.run_file import TrainingRun
from atlas_api.pods.run_report import RunReport
from atlas_api.text import one_line
from atlas_api.training.conditions import ReadyWhen
from atlas_api.training.lineage import history_entry
from atlas_api.training.status import (
    CheckpointsStatus,
    DatasetStatus,
    HistoryEntry,
    LocalStatus,
    ModelStatus,
    Phase,
    Progress,
    RunStatus,
)
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting.conditions import GENERATION, conditions

MESSAGE_LIMIT = 1000
RESUMABLE = ("preempted", "infrastructure", "outOfMemory")
"""Failure classes after which the next start continues the run instead of beginning another."""

RECENT_STEPS = 20


def status_after_start(previous: LocalStatus | None, run: TrainingRun, now: datetime) -> LocalStatus:
    """Begin an attempt. The same run keeps what it has reached; a new run moves the previous one into the history.

    One of the same number that started at another time is a new one: the training was deleted and made anew.
    """
    begun = RunStatus(number=run.number, attempt=run.attempt, spec_hash=run.spec.hash(), started_at=run.started_at)
    return _stated(_begun(previous, run, begun), now, run.spec.ready_when)


def _begun(previous: LocalStatus | None, run: TrainingRun, begun: RunStatus) -> LocalStatus:
    if previous is None:
        return LocalStatus(phase="Running", run=begun)
    if (previous.run.number, previous.run.started_at) == (run.number, run.started_at):
        return previous.model_copy(update={"phase": "Running", "message": None, "run": begun})
    history = (_history_entry(previous), *previous.history)[: run.spec.history_limit]
    return LocalStatus(
        phase="Running", run=begun, model=previous.model, history=history, conditions=previous.conditions
    )


def _history_entry(ended: LocalStatus) -> HistoryEntry:
    """Sum up a run. One whose phase is still Running was killed before it could report anything else."""
    killed = ended.phase == "Running"
    seen = ended.progress.updated_at if ended.progress else ended.run.started_at
    phase: Phase = "Interrupted" if killed else ended.phase
    reason = "Killed" if killed else reason_in(ended.message)
    finished_at = ended.run.finished_at or seen
    return history_entry(ended, ended.run, phase=phase, reason=reason, finished_at=finished_at, metrics=ended.metrics)


def status_after_dataset(status: LocalStatus, dataset: DatasetStatus) -> LocalStatus:
    """Take in what the run learns from."""
    return status.model_copy(update={"dataset": dataset})


def progress_at(step: int, max_steps: int, eta: int | None, now: datetime) -> Progress:
    """Progress at *step* on the way to *max_steps*; *eta* is in seconds."""
    percent = min(100, 100 * step // max_steps) if max_steps else 0
    return Progress(step=step, max_steps=max_steps, percent=percent, eta_seconds=eta, updated_at=now)


def status_after_step(status: LocalStatus, progress: Progress, metrics: Mapping[str, float]) -> LocalStatus:
    """Move to *progress*, and take reward and loss from TRL's *metrics* where they are finite."""
    moved = status.model_copy(update={"progress": progress})
    return _with_metrics(moved, {name: metrics.get(name) for name in ("reward", "loss")})


def status_after_evaluation(status: LocalStatus, result: EvaluationResult) -> LocalStatus:
    """Take the held-out numbers: as the baseline at step 0, as the newest evaluation after it."""
    kind = "eval" if result.step else "baseline"
    return _with_metrics(status, {f"{kind}Success": result.success, f"{kind}Tokens": result.tokens})


def status_after_rewind(status: LocalStatus, newest: EvaluationResult | None) -> LocalStatus:
    """Forget an evaluation past the step that training goes on from; *newest* is what is left after the baseline."""
    metrics = {name: number for name, number in status.metrics.items() if name not in ("evalSuccess", "evalTokens")}
    rewound = status.model_copy(update={"metrics": metrics})
    return status_after_evaluation(rewound, newest) if newest else rewound


def status_after_save(status: LocalStatus, checkpoints: CheckpointsStatus) -> LocalStatus:
    """Name the complete checkpoints."""
    return status.model_copy(update={"checkpoints": checkpoints})


def status_after_success(status: LocalStatus, model: ModelStatus, now: datetime) -> LocalStatus:
    """End the run with a model."""
    run = status.run.model_copy(update={"finished_at": now, "outcome": "Succeeded"})
    ended = _at_rest(status, "Succeeded", None, now).model_copy(update={"model": model, "run": run})
    return _stated(ended, now)


def status_after_failure(status: LocalStatus, error: AtlasError, interrupted: bool, now: datetime) -> LocalStatus:
    """End the attempt without a model. That of an earlier run stays.

    One that was interrupted goes on as the next attempt, so its run has not ended.
    """
    why: dict[str, Any] = {"reason": error.reason, "message": one_line(str(error), MESSAGE_LIMIT)}
    if not interrupted:
        why |= {"finished_at": now, "outcome": "Failed"}
    ended = _at_rest(status, "Interrupted" if interrupted else "Failed", message_of(error), now)
    return _stated(ended.model_copy(update={"run": status.run.model_copy(update=why)}), now)


def _at_rest(status: LocalStatus, phase: Phase, message: str | None, now: datetime) -> LocalStatus:
    at_rest = {"eta_seconds": None, "updated_at": now}
    progress = status.progress.model_copy(update=at_rest) if status.progress else None
    return status.model_copy(update={"phase": phase, "message": message, "progress": progress})


def _stated(status: LocalStatus, now: datetime, ready_when: ReadyWhen = "Accepted") -> LocalStatus:
    """*status* with the conditions that follow from it. *ready_when* counts while the run trains."""
    facts = {"conditions": conditions(status, now, ready_when), "observed_generation": GENERATION}
    return status.model_copy(update=facts)


def _with_metrics(status: LocalStatus, numbers: Mapping[str, float | None]) -> LocalStatus:
    known = {name: number for name, number in numbers.items() if number is not None and math.isfinite(number)}
    return status.model_copy(update={"metrics": {**status.metrics, **known}})


def phase_after(error: AtlasError) -> Literal["Interrupted", "Failed"]:
    """Phase after *error*: Interrupted when the run can go on, else Failed.

    Who mends what a judge refused need not train anew, though trying again by itself would be in vain.
    """
    return "Interrupted" if error.failure in RESUMABLE or isinstance(error, JudgeRefused) else "Failed"


def report_of(status: LocalStatus, error: AtlasError | None, now: datetime) -> RunReport:
    """The report of *status* to the operator; *error* is what ended the attempt."""
    ending: dict[str, Any] = {"phase": status.phase}
    if error is not None:
        message = one_line(str(error), MESSAGE_LIMIT)
        ending |= {"reason": error.reason, "message": message, "exit_code": error.exit_code}
    return RunReport(
        run=status.run.number,
        attempt=status.run.attempt,
        told_at=now,
        progress=status.progress,
        metrics=status.metrics,
        dataset=status.dataset,
        checkpoints=status.checkpoints,
        model=status.model if status.phase == "Succeeded" else None,
        **ending,
    )


def message_of(error: AtlasError) -> str:
    """Put *error* in one line: the reason, a colon, and the sentence that names the cure."""
    return one_line(f"{error.reason}: {error}", MESSAGE_LIMIT)


def reason_in(message: str | None) -> str | None:
    """Return the reason that `message_of` put in front."""
    return message.partition(":")[0] if message else None


def eta_seconds(marks: Sequence[datetime], remaining: int) -> int | None:
    """
    Seconds that *remaining* steps will take, at the mean pace between *marks*: the start and the ends of recent steps.

    What happens between two steps, evaluation and saving, is part of the pace. None before the first step has ended.
    """
    intervals = len(marks) - 1
    if intervals < 1:
        return None
    return max(0, round((marks[-1] - marks[0]).total_seconds() / intervals * remaining))
