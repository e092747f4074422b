"""Factories of measurements of a run: samples, evaluations, steps as TRL logs them, and the run they belong to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.trainer.trainings import make_training

from atlas_api.pods.run_file import TrainingRun
from atlas_api.training.status import CheckpointAddress, DatasetStatus, ModelStatus
from atlas_trainer.evaluation.measurement import EvaluationResult, Sample

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that each reading moves on by *seconds*."""

    def __init__(self, seconds: float = 1.0) -> None:
        self.now = START
        self.seconds = seconds

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.seconds)
        return self.now


def make_run(folder: Path, number: int = 1, attempt: int = 1, **spec: Any) -> TrainingRun:
    """A run of the demo training. Keywords replace whole parts of the spec."""
    training = make_training(folder, **spec)
    return TrainingRun(
        name="demo", namespace="agents", number=number, attempt=attempt, started_at=START, spec=training.spec
    )


def make_sample(number: int, completion: str = "12", reward: float | None = 1.0, **fields: Any) -> Sample:
    """One answer to held-out task *number*."""
    task = fields.pop("task", f"What is {number} plus {number}?")
    return Sample(
        session_id=f"session-{number}",
        task=task,
        prompt=fields.pop("prompt", ({"role": "user", "content": task},)),
        completion=completion,
        reference=fields.pop("reference", str(2 * number)),
        reward=reward,
        parts=fields.pop("parts", {"close": reward}),
        tokens=fields.pop("tokens", 4),
    )


def make_result(step: int, *samples: Sample, success: float = 0.5, **fields: Any) -> EvaluationResult:
    """The evaluation at *step*, with numbers that need not follow from the samples."""
    numbers: dict[str, Any] = {"reward": success, "tokens": 8.0, "truncated": 0.0, "unscored": 0, **fields}
    return EvaluationResult(step=step, success=success, samples=samples or (make_sample(1),), **numbers)


def trl_log(step: int, **numbers: float) -> dict[str, float]:
    """The numbers of a step under the names that TRL gives them."""
    return {
        "loss": 0.02 - 0.01 * step,
        "reward": min(1.0, 0.2 + 0.1 * step),
        "rewards/close": min(1.0, 0.2 + 0.1 * step),
        "grad_norm": 1.5,
        "entropy": 0.8,
        "completions/mean_length": 9.5,
        "completions/clipped_ratio": 0.25,
        "varied_groups": 0.9,
        "step_time": 2.5,
        **numbers,
    }


def make_dataset(**dropped: int) -> DatasetStatus:
    """Counts of a dataset of 160 sessions, 38 of them held out."""
    return DatasetStatus(
        matched=160,
        used=160,
        rows=160,
        held_out=38,
        held_out_alike=22,
        dropped=dropped,
        digest="d1" * 32,
        watermark=START,
    )


def make_address(step: int, metric: float | None = None) -> CheckpointAddress:
    """A complete checkpoint."""
    uri = f"/models/agents/demo/run-0001/checkpoint-{step:06d}"
    return CheckpointAddress(uri=uri, step=step, sha256="ab" * 32, metric=metric)


def make_model(run: int = 1, uri: str = "/models/agents/demo/run-0001/final") -> ModelStatus:
    """A finished model."""
    return ModelStatus(uri=uri, run=run, sha256="cd" * 32, metric=0.95)
