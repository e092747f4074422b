"""A run of TRL's trainer to its end: from a checkpoint or the beginning, until it is done or interrupted."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from atlas_api.errors import ZeroSteps
from atlas_trainer.algorithms.trackers import tracker_errors
from atlas_trainer.distributed.interrupt import Interrupt

if TYPE_CHECKING:
    from transformers import Trainer


class _TrainedAlready(Exception):
    """The checkpoint that training continues from is that of the last step."""


class _NoStepTooMany(TrainerCallback):  # type: ignore[misc]  # transformers ships no usable types
    """Ends training before its first step where a checkpoint has all steps: TRL's trainers would take one more."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= state.max_steps:
            raise _TrainedAlready


def train_to_end(trainer: "Trainer", interrupt: Interrupt, resume_from: Path | None) -> None:
    """Train to the last step, after the checkpoint in *resume_from* where there is one.

    Raises what callbacks raise, `AccessDenied` and `SourceUnreachable` where a tracker does not take the numbers, the
    error of `STOPPED_BY` when an interruption was asked for and the checkpoint is saved, and `ZeroSteps` when TRL ended
    without a step.
    """
    trainer.add_callback(_NoStepTooMany)
    with interrupt.deferred(), tracker_errors(), suppress(_TrainedAlready):
        trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    if interrupt.requested and trainer.state.global_step < trainer.args.max_steps:
        reached = f"step {trainer.state.global_step} of {trainer.args.max_steps} is saved as a checkpoint"
        raise interrupt.error(f"{reached}; run the same command again to continue")
    if trainer.state.global_step == 0:
        raise ZeroSteps("TRL ended without a single optimizer step")
