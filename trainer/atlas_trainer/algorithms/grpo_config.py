"""Arguments of TRL's GRPO: those of every TRL trainer, and the part `grpo` of the spec in the words of `GRPOConfig`."""

import math
from pathlib import Path
from typing import Any

from trl import GRPOConfig

from atlas_api import AtlasTrainingSpec
from atlas_api.errors import ZeroSteps
from atlas_api.training.grpo import Grpo
from atlas_trainer.algorithms.trl_config import build_config, common_arguments


def check_arguments(spec: AtlasTrainingSpec, processes: int) -> None:
    """Raise what `grpo_config` raises for any number of prompts: `InvalidManifest`."""
    grpo_config(spec, _prompts_of_a_step(spec), Path(), processes)


def grpo_config(spec: AtlasTrainingSpec, prompts: int, folder: Path, processes: int) -> GRPOConfig:
    """TRL's arguments for *spec*, that many training prompts, and *processes* that share each batch.

    Raises `ZeroSteps` when the prompts do not fill one step, `InvalidManifest` for a batch that cannot be shared out
    and for bad `trainerArgs`.
    """
    steps = planned_steps(spec, prompts)
    ours = arguments_of(spec, steps, folder, processes)
    # A group's own deviation explodes when scores differ by little; the batch's does not (arXiv 2508.08221).
    return build_config(GRPOConfig, spec, ours, defaults={"scale_rewards": "batch"})


def arguments_of(spec: AtlasTrainingSpec, steps: int, folder: Path, processes: int) -> dict[str, Any]:
    """Arguments that *spec* and atlas-core set, and that `trainerArgs` may not name.

    Raises `InvalidManifest` when the batch cannot be shared out evenly.
    """
    return {**common_arguments(spec, steps, folder, processes), **_algorithm(spec.grpo)}


def planned_steps(spec: AtlasTrainingSpec, prompts: int) -> int:
    """Optimizer steps for that many training prompts. Raises `ZeroSteps` when they do not fill one."""
    needed = _prompts_of_a_step(spec)
    if prompts < needed:
        raise ZeroSteps(
            f"{prompts} training tasks, and one step takes {needed} (optimization.batchSize / grpo.groupSize): "
            f"lower batchSize to {max(prompts, 1) * spec.grpo.group_size}, lower traces.split.eval, or widen the filter"
        )
    return spec.optimization.max_steps or math.ceil((spec.optimization.epochs or 1.0) * (prompts // needed))


def _prompts_of_a_step(spec: AtlasTrainingSpec) -> int:
    return spec.optimization.batch_size // spec.grpo.group_size


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
