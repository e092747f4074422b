"""Trigger: a training that never had a run gets one."""

from atlas_operator.training.triggers.base import Circumstances, Due


def first_run(circumstances: Circumstances) -> Due | None:
    """The first run of a training, at once."""
    return Due("Created", circumstances.now) if circumstances.last is None else None
