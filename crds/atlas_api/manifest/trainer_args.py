"""
The names in `spec.trainerArgs`: those that TRL takes, and those that atlas-core sets itself.

TRL's names are in `grpo_config_arguments.txt`, so that a typo is found where TRL is not installed.
"""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from atlas_api.text import escaped

CONFIG_CLASS = "GRPOConfig"
NAMES_FILE = "grpo_config_arguments.txt"

_HINTS = 20
_LONGEST = 80
"""Names that a better one is looked for, which takes milliseconds each: more in number or length are no typos."""

_ITSELF = "atlas-core"
SET_BY: Mapping[str, str] = {
    "max_steps": "spec.optimization.maxSteps",
    "learning_rate": "spec.optimization.learningRate",
    "lr_scheduler_type": "spec.optimization.schedule",
    "warmup_steps": "spec.optimization.warmupRatio",
    "max_grad_norm": "spec.optimization.maxGradNorm",
    "seed": "spec.optimization.seed",
    "bf16": "spec.optimization.precision",
    "per_device_train_batch_size": "spec.optimization.microBatchSize",
    "gradient_accumulation_steps": "spec.optimization.batchSize",
    "num_generations": "spec.grpo.groupSize",
    "max_completion_length": "spec.grpo.maxCompletionTokens",
    "temperature": "spec.grpo.temperature",
    "top_p": "spec.grpo.topP",
    "beta": "spec.grpo.klBeta",
    "epsilon": "spec.grpo.clip.low",
    "epsilon_high": "spec.grpo.clip.high",
    "loss_type": "spec.grpo.loss",
    "model_init_kwargs": "spec.model",
    "trust_remote_code": "spec.model.trustRemoteCode",
    "output_dir": "spec.checkpoints",
    "save_strategy": "spec.checkpoints.everySteps",
    "save_steps": "spec.checkpoints.everySteps",
    "use_cpu": _ITSELF,
    "logging_steps": _ITSELF,
    "logging_nan_inf_filter": _ITSELF,
    "disable_tqdm": _ITSELF,
}
"""Argument of TRL -> the field that sets it, or atlas-core where none does."""


@cache
def known_names() -> frozenset[str]:
    """Names of the arguments that TRL's `GRPOConfig` has."""
    return frozenset(files(__package__).joinpath(NAMES_FILE).read_text(encoding="utf-8").split())


def problems_in(names: Iterable[str]) -> list[str]:
    """A line for each of *names*, the keys of `spec.trainerArgs`, that a run refuses."""
    problems: list[str] = []
    for name in names:
        if problem := _problem(name, hint=len(problems) < _HINTS and len(name) <= _LONGEST):
            problems.append(f"spec.trainerArgs.{escaped(name)}: {problem}")
    return problems


def _problem(name: str, *, hint: bool) -> str | None:
    setter = SET_BY.get(name)
    if setter == _ITSELF:
        return "atlas-core sets this itself; remove it"
    if setter is not None:
        return f"other fields of the spec set this; use {setter}"
    if name in known_names():
        return None
    close = get_close_matches(_snake_case(name), known_names(), n=1) if hint else []
    if not close:
        return f"TRL's {CONFIG_CLASS} has no such argument"
    instead = SET_BY.get(close[0], close[0])
    cure = "; atlas-core sets it itself: remove it" if instead == _ITSELF else f'; did you mean "{instead}"?'
    return f"TRL's {CONFIG_CLASS} has no such argument{cure}"


def _snake_case(name: str) -> str:
    """*name* as Python writes it: manifests are in camelCase elsewhere."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).replace("-", "_")
