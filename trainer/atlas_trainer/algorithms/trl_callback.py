"""
The callback that TRL's trainers call at steps, logs and saves, in every process of the run.

It hands events to the handlers of the main process, and stops training in all processes at the same step: early when
nothing is learnt, or when somebody asked for it.
"""

import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from atlas_api.errors import AtlasError
from atlas_trainer.algorithms.early_stopping import Log
from atlas_trainer.algorithms.event_handlers import EventHandlers
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup

StopReason = Callable[[Sequence[Log], int], AtlasError | None]
"""Gives the error that stops a run with this log and that many steps; None when it goes on."""


class TrlCallback(TrainerCallback):  # type: ignore[misc]  # transformers ships no usable types
    """Hands events of training on. *handlers* are those of the main process, None in the others."""

    def __init__(
        self,
        process_group: ProcessGroup,
        handlers: EventHandlers | None,
        interrupt: Interrupt,
        *,
        evaluate_every: int | None,
        stop_reason: StopReason,
        revisions: Callable[[], tuple[str, ...]],
    ) -> None:
        """Watch one training. *revisions* gives those of the judges that scored the newest batch."""
        self.process_group = process_group
        self.handlers = handlers
        self.interrupt = interrupt
        self.evaluate_every = evaluate_every
        self.stop_reason = stop_reason
        self.revisions = revisions

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        step = state.global_step
        is_last = step >= state.max_steps
        # After the last step there is nothing to stop, and what the run has made is still to be measured.
        if not is_last and self._must_stop():
            control.should_save = control.should_training_stop = True
            return
        if is_last or (self.evaluate_every and step % self.evaluate_every == 0):
            self._handle(lambda handlers: handlers.evaluate(model, step))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._handle(lambda handlers: self._step_done(handlers, state, logs))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        self._collect_random_states(folder)
        self._handle(lambda handlers: handlers.checkpoint_saved(folder, state.global_step))

    def _step_done(self, handlers: EventHandlers, state: Any, logs: dict[str, Any]) -> None:
        if error := self.stop_reason(state.log_history, state.max_steps):
            raise error
        handlers.step_done(state.global_step, logs, self.revisions())

    def _must_stop(self) -> bool:
        """Whether any process was asked to stop. From then on all of them were, by the same signal."""
        asked = [number for number in self.process_group.gather(self.interrupt.asked_by) if number is not None]
        if asked:
            self.interrupt.asked_by = signal.Signals(asked[0])
        return bool(asked)

    def _handle(self, event: Callable[[EventHandlers], None]) -> None:
        handlers = self.handlers
        self.process_group.from_main(lambda: event(handlers) if handlers else None)

    def _collect_random_states(self, folder: Path) -> None:
        """Bring the random states of all processes into the checkpoint; each wrote its own in a folder apart."""
        if self.process_group.size == 1:
            return
        states = self.process_group.gather_bytes((folder / _random_state(self.process_group.rank)).read_bytes())
        if not self.process_group.is_main:
            shutil.rmtree(folder)
            return
        for rank, state in enumerate(states):
            (folder / _random_state(rank)).write_bytes(state)


def _random_state(rank: int) -> str:
    """Name of the file with the random state of a process, which transformers writes and looks for."""
    return f"rng_state_{rank}.pth"
