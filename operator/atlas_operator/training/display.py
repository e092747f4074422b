"""Columns that `kubectl get` shows of a training, ready to print. Pure."""

from atlas_api import AtlasTrainingSpec
from atlas_api.training.status import AtlasTrainingStatus, Display

MINUTE, HOUR, DAY = 60, 3600, 86400


def display(status: AtlasTrainingStatus, spec: AtlasTrainingSpec | None) -> Display:
    """The columns for *status*. What is not known is absent."""
    progress = status.progress
    reward = status.metrics.get("reward")
    training = status.phase == "Running" and progress is not None
    return Display(
        method=spec.method if spec else None,
        progress=f"{progress.percent}%" if progress else None,
        step=f"{progress.step}/{progress.max_steps}" if progress else None,
        eta=duration(progress.eta_seconds) if training and progress and progress.eta_seconds is not None else None,
        reward=f"{reward:.3g}" if reward is not None else None,
        reason=_reason(status),
    )


def _reason(status: AtlasTrainingStatus) -> str | None:
    """Why the training is not Ready, or why its live run does not train."""
    conditions = {each.type: each for each in status.conditions}
    is_live = status.run is not None and status.run.finished_at is None
    for kind in ("Ready", "Running") if is_live else ("Ready",):
        if kind in conditions and conditions[kind].status == "False":
            return conditions[kind].reason
    return None


def duration(seconds: int) -> str:
    """Short text of a duration, like `45s`, `12m`, `3h20m`, `2d4h`."""
    if seconds < MINUTE:
        return f"{seconds}s"
    if seconds < HOUR:
        return f"{seconds // MINUTE}m"
    if seconds < DAY:
        return f"{seconds // HOUR}h{seconds % HOUR // MINUTE}m"
    return f"{seconds // DAY}d{seconds % DAY // HOUR}h"
