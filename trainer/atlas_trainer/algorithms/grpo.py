"""
GRPO on TRL: put the parts together, let TRL train, watch it.

Called by `train`. TRL is composed through its doors (reward function, callback, arguments), never subclassed.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets import Dataset as Table
from transformers import PrinterCallback, TrainerCallback
from transformers.utils.logging import disable_progress_bar
from trl import GRPOTrainer

from atlas_api import AtlasTrainingSpec
from atlas_api.errors import Preempted, ZeroSteps
from atlas_rewards.trl.judged_reward import JudgedReward
from atlas_trainer.algorithms.early_stopping import objection
from atlas_trainer.algorithms.grpo_config import arguments
from atlas_trainer.algorithms.grpo_reward import GrpoReward
from atlas_trainer.dataset.rows import Row
from atlas_trainer.dataset.tokenizer import address_of
from atlas_trainer.distributed.interrupt import Interrupt
from atlas_trainer.distributed.process_group import ProcessGroup
from atlas_trainer.models.policy import (
    keep_gradients_through_quantised_layers,
    keep_masters_in_fp32,
    lora_of,
    quantization_of,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the first process of a run does at TRL's doors."""

    measure: Callable[["PreTrainedModel", int], None]
    """Evaluate the model at this step."""

    step: Callable[[int, dict[str, Any], tuple[str, ...]], None]
    """A step is done; these are its numbers, and the revisions of the judges that scored it."""

    saved: Callable[[Path, int], None]
    """TRL wrote a checkpoint into this folder."""


def build_trainer(
    spec: AtlasTrainingSpec,
    tokenizer: "PreTrainedTokenizerBase",
    rows: Sequence[Row],
    reward: JudgedReward,
    folder: Path,
    *,
    process_group: ProcessGroup,
) -> GRPOTrainer:
    """A TRL trainer that is ready to train, in this process of *process_group*. *folder* gets TRL's checkpoints.

    Raises `ZeroSteps` when the rows do not fill one step, `InvalidManifest` for bad `trainerArgs`.
    """
    disable_progress_bar()
    trainer = GRPOTrainer(
        model=address_of(spec.model),
        reward_funcs=[GrpoReward(reward, spec.grpo.group_size, process_group)],
        args=arguments(spec, len(rows), folder, process_group.size),
        train_dataset=Table.from_list([columns(row) for row in rows]),
        processing_class=tokenizer,
        peft_config=lora_of(spec.model),
        quantization_config=quantization_of(spec.model),
    )
    trainer.remove_callback(PrinterCallback)
    keep_masters_in_fp32(trainer.model)
    keep_gradients_through_quantised_layers(trainer.model)
    trainer.model.generation_config.eos_token_id = trainer.eos_token_ids
    return trainer


def train(
    trainer: GRPOTrainer,
    spec: AtlasTrainingSpec,
    process_group: ProcessGroup,
    hooks: Hooks | None,
    *,
    interrupt: Interrupt,
    resume_from: Path | None,
) -> None:
    """Train to the end; *hooks* are those of the first process, None in the others.

    Raises a guard's error (in the others `WorkerLost`), or `Preempted` after the checkpoint was saved.
    """
    trainer.add_callback(_Watch(spec, process_group, hooks, interrupt, trainer.reward_funcs[0]))
    with interrupt.deferred():
        trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    if interrupt.requested and trainer.state.global_step < trainer.args.max_steps:
        raise Preempted(
            f"stopped at step {trainer.state.global_step} of {trainer.args.max_steps} with a checkpoint; "
            "run the same command again to continue"
        )
    if trainer.state.global_step == 0:
        raise ZeroSteps("TRL ended without a single optimizer step")


class _Watch(TrainerCallback):  # type: ignore[misc]  # transformers ships no usable types
    """Calls the hooks in the first process, and stops the run everywhere when a guard objects or somebody asks."""

    def __init__(
        self,
        spec: AtlasTrainingSpec,
        process_group: ProcessGroup,
        hooks: Hooks | None,
        interrupt: Interrupt,
        reward: GrpoReward,
    ) -> None:
        self.every = spec.evaluation.every_steps
        self.process_group = process_group
        self.hooks = hooks
        self.interrupt = interrupt
        self.reward = reward

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        step = state.global_step
        is_last = step >= state.max_steps
        # After the last step there is nothing to stop, and what the run has made is still to be measured.
        if not is_last and self.process_group.any(self.interrupt.requested):
            self.interrupt.requested = control.should_save = control.should_training_stop = True
            return
        if is_last or (self.every and step % self.every == 0):
            self._first_does(lambda hooks: hooks.measure(model, step))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._first_does(lambda hooks: _judge(hooks, state, logs, self.reward.revisions))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        self._collect_random_states(folder)
        self._first_does(lambda hooks: hooks.saved(folder, state.global_step))

    def _first_does(self, work: Callable[[Hooks], None]) -> None:
        hooks = self.hooks
        self.process_group.from_main(lambda: work(hooks) if hooks else None)

    def _collect_random_states(self, folder: Path) -> None:
        """Each process leaves its state in a folder of its own; a checkpoint needs all of them."""
        if self.process_group.size == 1:
            return
        states = self.process_group.gather((folder / _random_state(self.process_group.rank)).read_bytes())
        if not self.process_group.is_main:
            shutil.rmtree(folder)
            return
        for rank, state in enumerate(states):
            (folder / _random_state(rank)).write_bytes(state)


def _judge(hooks: Hooks, state: Any, logs: dict[str, Any], revisions: tuple[str, ...]) -> None:
    if error := objection(state.log_history, state.max_steps):
        raise error
    hooks.step(state.global_step, logs, revisions)


def _random_state(rank: int) -> str:
    """The name that transformers gives and looks for where several processes train."""
    return f"rng_state_{rank}.pth"


def columns(row: Row) -> dict[str, Any]:
    """One line of TRL's table: the prompt, and what the reward function is given with its completions."""
    return {
        "prompt": [dict(message) for message in row.prompt],
        "reference": row.reference,
        "session_id": row.session_id,
        "task": row.task,
        "learning_key": row.learning_key,
    }
