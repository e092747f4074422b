"""Trigger: somebody set the annotation `retrain-at` to a value that was not answered yet."""

from atlas_operator.training.triggers.base import Circumstances, Due


def annotation(circumstances: Circumstances) -> Due | None:
    """A run that somebody asked for, at once, whatever the value of the annotation."""
    asked = circumstances.retrain_at and circumstances.retrain_at != circumstances.handled_retrain_at
    return Due("RetrainAt", circumstances.now) if asked else None
