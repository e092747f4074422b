"""
GRPO on TRL: put the parts together, let TRL train, watch it.

Called by `train`. TRL is composed through its doors (reward function, callback, arguments), never subclassed.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset as Table
from transformers import PrinterCallback, TrainerCallback
from transformers.utils.logging import disable_progress_bar
from trl import GRPOConfig, GRPOTrainer

from atlas_api import AtlasTrainingSpec, InvalidManifest
from atlas_api.errors import Preempted, ZeroSteps
from atlas_rewards import Scorer
from atlas_rewards.trl_reward import VerifierReward
from atlas_trainer.guards import objection
from atlas_trainer.interrupt import Interrupt
from atlas_trainer.measurement import EvaluationResult
from atlas_trainer.policy import (
    keep_gradients_through_quantised_layers,
    keep_masters_in_fp32,
    loading_arguments,
    lora_of,
    quantization_of,
)
from atlas_trainer.rows import Row
from atlas_trainer.tokenizer import address_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

FULL_LEARNING_RATE = 1e-6
LORA_LEARNING_RATE = 1e-5
LARGEST_MICRO_BATCH = 8


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the run does at TRL's doors."""

    measure: Callable[["PreTrainedModel", int], None]
    """Evaluate the model at this step."""

    step: Callable[[int, dict[str, Any]], None]
    """A step is done; these are its numbers."""

    saved: Callable[[Path, int], None]
    """TRL wrote a checkpoint into this folder."""


def build_trainer(
    spec: AtlasTrainingSpec,
    tokenizer: "PreTrainedTokenizerBase",
    rows: Sequence[Row],
    scorer: Scorer,
    folder: Path,
) -> GRPOTrainer:
    """A TRL trainer that is ready to train. *folder* gets TRL's checkpoints.

    Raises `ZeroSteps` when the rows do not fill one step, `InvalidManifest` for bad `trainerArgs`.
    """
    disable_progress_bar()
    trainer = GRPOTrainer(
        model=address_of(spec.model),
        reward_funcs=[reward_function(scorer, spec.grpo.group_size)],
        args=arguments(spec, len(rows), folder),
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
    trainer: GRPOTrainer, spec: AtlasTrainingSpec, hooks: Hooks, interrupt: Interrupt, resume_from: Path | None
) -> None:
    """Train to the end. Raises a guard's error, or `Preempted` after the checkpoint was saved."""
    trainer.add_callback(_Watch(spec, hooks, interrupt))
    with interrupt.deferred():
        trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    if interrupt.requested and trainer.state.global_step < trainer.args.max_steps:
        raise Preempted(
            f"stopped at step {trainer.state.global_step} of {trainer.args.max_steps} with a checkpoint; "
            "run the same command again to continue"
        )
    if trainer.state.global_step == 0:
        raise ZeroSteps("TRL ended without a single optimizer step")


def reward_function(scorer: Scorer, group_size: int) -> Callable[..., list[float | None]]:
    """The verifiers as TRL's reward function, which also logs whether groups had anything to tell apart."""
    score = VerifierReward(scorer)

    def verifiers(prompts: list[Any], completions: list[Any], **columns: Any) -> list[float | None]:
        rewards = score(prompts, completions, **columns)
        columns["log_metric"]("varied_groups", varied_share(rewards, group_size))
        return rewards

    return verifiers


def varied_share(rewards: Sequence[float | None], group_size: int) -> float:
    """Share of groups, consecutive blocks of *group_size*, with two different rewards; unknown ones do not count."""
    groups = [rewards[start : start + group_size] for start in range(0, len(rewards), group_size)]
    return sum(len({reward for reward in group if reward is not None}) > 1 for group in groups) / len(groups)


class _Watch(TrainerCallback):  # type: ignore[misc]  # transformers ships no usable types
    """Calls the hooks, and stops the run when a guard objects or somebody asks."""

    def __init__(self, spec: AtlasTrainingSpec, hooks: Hooks, interrupt: Interrupt) -> None:
        self.every = spec.evaluation.every_steps
        self.hooks = hooks
        self.interrupt = interrupt

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if self.interrupt.requested:
            control.should_save = control.should_training_stop = True
            return
        step = state.global_step
        if step >= state.max_steps or (self.every and step % self.every == 0):
            self.hooks.measure(model, step)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        if error := objection(state.log_history, state.max_steps):
            raise error
        self.hooks.step(state.global_step, logs)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.hooks.saved(Path(args.output_dir) / f"checkpoint-{state.global_step}", state.global_step)


def columns(row: Row) -> dict[str, Any]:
    """One line of TRL's table: the prompt, and what the reward function is given with its completions."""
    return {
        "prompt": [dict(message) for message in row.prompt],
        "reference": row.reference,
        "session_id": row.session_id,
        "task": row.task,
        "learning_key": row.learning_key,
    }


def planned_steps(spec: AtlasTrainingSpec, prompts: int) -> int:
    """Optimizer steps for that many training prompts. Raises `ZeroSteps` when they do not fill one."""
    needed = spec.optimization.batch_size // spec.grpo.group_size
    if prompts < needed:
        raise ZeroSteps(
            f"{prompts} training tasks, and one step takes {needed} (optimization.batchSize / grpo.groupSize): "
            f"lower batchSize to {max(prompts, 1) * spec.grpo.group_size}, lower traces.split.eval, or widen the filter"
        )
    return spec.optimization.max_steps or math.ceil((spec.optimization.epochs or 1.0) * (prompts // needed))


def micro_batch(spec: AtlasTrainingSpec) -> int:
    """Completions in one forward pass: as written, else the largest divisor of the batch up to 8."""
    size = spec.optimization.batch_size
    return spec.optimization.micro_batch_size or max(n for n in range(1, LARGEST_MICRO_BATCH + 1) if size % n == 0)


def arguments(spec: AtlasTrainingSpec, prompts: int, folder: Path) -> GRPOConfig:
    """TRL's arguments for this spec and that many training prompts."""
    optimization, grpo = spec.optimization, spec.grpo
    steps = planned_steps(spec, prompts)
    micro = micro_batch(spec)
    on_gpu = torch.cuda.is_available()
    default_rate = LORA_LEARNING_RATE if spec.model.lora else FULL_LEARNING_RATE
    ours: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": steps,
        "learning_rate": optimization.learning_rate or default_rate,
        "lr_scheduler_type": {"constant": "constant_with_warmup"}.get(optimization.schedule, optimization.schedule),
        "warmup_steps": round(optimization.warmup_ratio * steps),
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": optimization.batch_size // micro,
        "max_grad_norm": optimization.max_grad_norm,
        "seed": optimization.seed,
        "bf16": optimization.precision == "bf16" or (optimization.precision == "auto" and on_gpu),
        "use_cpu": not on_gpu,
        "num_generations": grpo.group_size,
        "max_completion_length": grpo.max_completion_tokens,
        "temperature": grpo.temperature,
        "top_p": grpo.top_p,
        "beta": grpo.kl_beta,
        "epsilon": grpo.clip.low,
        "epsilon_high": grpo.clip.high,
        "loss_type": grpo.loss,
        "save_strategy": "steps",
        "save_steps": spec.checkpoints.every_steps,
        "model_init_kwargs": loading_arguments(spec.model),
        "logging_steps": 1,
        # The guards read the log: TRL must not replace NaN by an older mean.
        "logging_nan_inf_filter": False,
        "report_to": [],
        "disable_tqdm": True,
    }
    defaults: dict[str, Any] = {
        # A group's own deviation explodes when scores differ by little; the batch's does not (arXiv 2508.08221).
        "scale_rewards": "batch",
        # Recomputation saves memory that only GPUs run out of first.
        "gradient_checkpointing": on_gpu,
    }
    _check_trainer_args(spec.trainer_args, ours)
    return GRPOConfig(**{**defaults, **spec.trainer_args, **ours})


def _check_trainer_args(given: dict[str, Any], ours: dict[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(GRPOConfig)}
    problems = []
    for name in given:
        if name in ours:
            problems.append(f"spec.trainerArgs.{name}: other fields of the spec set this; use those")
        elif name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f'; did you mean "{close[0]}"?' if close else ""
            problems.append(f"spec.trainerArgs.{name}: TRL's GRPOConfig has no such argument{hint}")
    if problems:
        raise InvalidManifest(problems)


def results_at(results: dict[int, EvaluationResult], step: int) -> dict[str, float]:
    """Metrics of an evaluation for manifest and status; empty when nothing was measured at *step*."""
    if step not in results:
        return {}
    found = results[step]
    metrics = {"evalSuccess": found.success, "evalTokens": found.tokens}
    return metrics if found.reward is None else {**metrics, "evalReward": found.reward}
