"""
Arguments of TRL's trainers that belong to no algorithm: the spec in the words of `transformers.TrainingArguments`.

Pure, but for a look at whether there is a GPU, and for the environment that trackers need.
"""

import os
from pathlib import Path
from typing import Any

import torch

from atlas_api import AtlasTrainingSpec, InvalidManifest
from atlas_api.manifest import trainer_args
from atlas_api.text import one_line
from atlas_trainer.algorithms.trackers import trackers_of

FULL_LEARNING_RATE = 1e-6
LORA_LEARNING_RATE = 1e-5
LARGEST_MICRO_BATCH = 8
_SHOWN = 300


def build_config(
    config_class: type[Any], spec: AtlasTrainingSpec, ours: dict[str, Any], defaults: dict[str, Any]
) -> Any:
    """A *config_class* with what the spec's own fields set (*ours*), its `trainerArgs`, and *defaults* below both.

    Raises `InvalidManifest` for `trainerArgs` that other fields set, that the class does not have, or that it refuses.
    """
    common = {
        # Recomputation saves memory that only GPUs run out of first.
        "gradient_checkpointing": torch.cuda.is_available(),
        # Every trained weight takes part in every step.
        "ddp_find_unused_parameters": False,
    }
    if problems := trainer_args.problems_in(spec.trainer_args):
        raise InvalidManifest(problems)
    trackers = trackers_of(spec.trainer_args, os.environ)
    try:
        return config_class(**{**common, **defaults, **spec.trainer_args, **ours, "report_to": trackers})
    except (TypeError, ValueError, ImportError) as error:
        if not spec.trainer_args:
            raise
        said = one_line(f"{type(error).__name__}: {error}", _SHOWN)
        raise InvalidManifest([f"spec.trainerArgs: TRL refuses these values; correct them: {said}"]) from error


def common_arguments(spec: AtlasTrainingSpec, steps: int, folder: Path, processes: int) -> dict[str, Any]:
    """Arguments for *steps* optimizer steps, with checkpoints in *folder*, where *processes* share each batch.

    Raises `InvalidManifest` when the batch cannot be shared out evenly.
    """
    on_gpu, micro = torch.cuda.is_available(), micro_batch(spec, processes)
    return {
        **_optimization(spec, steps, on_gpu),
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": spec.optimization.batch_size // (micro * processes),
        **_surroundings(spec, folder, on_gpu),
    }


def micro_batch(spec: AtlasTrainingSpec, processes: int) -> int:
    """Sequences in one forward pass: the largest divisor of a process's share, up to what is written, else 8.

    Raises `InvalidManifest` when the batch cannot be shared out evenly.
    """
    size = spec.optimization.batch_size
    if size % processes:
        raise InvalidManifest(
            [f"spec.optimization.batchSize: {size} is not a multiple of the {processes} processes that train together"]
        )
    share, most = size // processes, spec.optimization.micro_batch_size or LARGEST_MICRO_BATCH
    return max(n for n in range(1, most + 1) if share % n == 0)


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


def _surroundings(spec: AtlasTrainingSpec, folder: Path, on_gpu: bool) -> dict[str, Any]:
    """Arguments for where training runs, what it saves, what it logs."""
    return {
        "output_dir": str(folder),
        "use_cpu": not on_gpu,
        # The policy is loaded and checked before; a KL penalty's reference is loaded by TRL from the same folder.
        "model_init_kwargs": None,
        "trust_remote_code": spec.model.trust_remote_code,
        "save_strategy": "steps",
        "save_steps": spec.checkpoints.every_steps,
        "logging_steps": 1,
        # Early stopping reads the log: TRL must not replace NaN by an older mean.
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
    }
