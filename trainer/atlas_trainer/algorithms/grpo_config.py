"""
What TRL's GRPO is told: the spec in the words of `GRPOConfig`.

Called by `grpo`. Pure, but for a look at whether there is a GPU.
"""

import dataclasses
import math
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from trl import GRPOConfig

from atlas_api import AtlasTrainingSpec, InvalidManifest
from atlas_api.errors import ZeroSteps
from atlas_api.training.grpo import Grpo
from atlas_trainer.models.policy import loading_arguments

FULL_LEARNING_RATE = 1e-6
LORA_LEARNING_RATE = 1e-5
LARGEST_MICRO_BATCH = 8


def planned_steps(spec: AtlasTrainingSpec, prompts: int) -> int:
    """Optimizer steps for that many training prompts. Raises `ZeroSteps` when they do not fill one."""
    needed = spec.optimization.batch_size // spec.grpo.group_size
    if prompts < needed:
        raise ZeroSteps(
            f"{prompts} training tasks, and one step takes {needed} (optimization.batchSize / grpo.groupSize): "
            f"lower batchSize to {max(prompts, 1) * spec.grpo.group_size}, lower traces.split.eval, or widen the filter"
        )
    return spec.optimization.max_steps or math.ceil((spec.optimization.epochs or 1.0) * (prompts // needed))


def micro_batch(spec: AtlasTrainingSpec, processes: int) -> int:
    """Completions in one forward pass: the largest divisor of a process's share, up to what is written, else 8.

    Raises `InvalidManifest` when the batch cannot be shared out evenly.
    """
    size = spec.optimization.batch_size
    if size % processes:
        raise InvalidManifest(
            [f"spec.optimization.batchSize: {size} is not a multiple of the {processes} processes that train together"]
        )
    share, most = size // processes, spec.optimization.micro_batch_size or LARGEST_MICRO_BATCH
    return max(n for n in range(1, most + 1) if share % n == 0)


def arguments(spec: AtlasTrainingSpec, prompts: int, folder: Path, processes: int) -> GRPOConfig:
    """TRL's arguments for this spec, that many training prompts and that many processes that share each batch."""
    on_gpu = torch.cuda.is_available()
    steps, micro = planned_steps(spec, prompts), micro_batch(spec, processes)
    ours: dict[str, Any] = {
        **_optimization(spec, steps, on_gpu),
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": spec.optimization.batch_size // (micro * processes),
        **_algorithm(spec.grpo),
        **_surroundings(spec, folder, on_gpu),
    }
    defaults: dict[str, Any] = {
        # A group's own deviation explodes when scores differ by little; the batch's does not (arXiv 2508.08221).
        "scale_rewards": "batch",
        # Recomputation saves memory that only GPUs run out of first.
        "gradient_checkpointing": on_gpu,
        # Every trained weight takes part in every step.
        "ddp_find_unused_parameters": False,
    }
    _check_trainer_args(spec.trainer_args, ours)
    return GRPOConfig(**{**defaults, **spec.trainer_args, **ours})


def _optimization(spec: AtlasTrainingSpec, steps: int, on_gpu: bool) -> dict[str, Any]:
    optimization = spec.optimization
    default_rate = LORA_LEARNING_RATE if spec.model.lora else FULL_LEARNING_RATE
    return {
        "max_steps": steps,
        "learning_rate": optimization.learning_rate or default_rate,
        "lr_scheduler_type": {"constant": "constant_with_warmup"}.get(optimization.schedule, optimization.schedule),
        "warmup_steps": round(optimization.warmup_ratio * steps),
        "max_grad_norm": optimization.max_grad_norm,
        "seed": optimization.seed,
        "bf16": optimization.precision == "bf16" or (optimization.precision == "auto" and on_gpu),
    }


def _algorithm(grpo: Grpo) -> dict[str, Any]:
    return {
        "num_generations": grpo.group_size,
        "max_completion_length": grpo.max_completion_tokens,
        "temperature": grpo.temperature,
        "top_p": grpo.top_p,
        "beta": grpo.kl_beta,
        "epsilon": grpo.clip.low,
        "epsilon_high": grpo.clip.high,
        "loss_type": grpo.loss,
    }


def _surroundings(spec: AtlasTrainingSpec, folder: Path, on_gpu: bool) -> dict[str, Any]:
    """Where it runs, what it loads and saves, what it tells us."""
    return {
        "output_dir": str(folder),
        "use_cpu": not on_gpu,
        "model_init_kwargs": loading_arguments(spec.model),
        "save_strategy": "steps",
        "save_steps": spec.checkpoints.every_steps,
        "logging_steps": 1,
        # The guards read the log: TRL must not replace NaN by an older mean.
        "logging_nan_inf_filter": False,
        "report_to": [],
        "disable_tqdm": True,
    }


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
