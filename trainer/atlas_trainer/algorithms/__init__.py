"""
Algorithms that train a model, one module each, by the part of the spec that asks for it: `algorithm_of`.

    grpo            GRPO: rollouts in groups, scored by the spec's reward, on TRL's GRPOTrainer
    grpo_config     its arguments
    grpo_reward     its reward function, with the share of groups that hold a signal

What belongs to no algorithm, for every one that trains with TRL:

    trl_config      arguments of the optimizer, the batch, saving and logging; `trainerArgs` checked
    argument_names  which arguments the installed TRL takes, written down for `trainerArgs`
    trackers        Weights & Biases and others that get the numbers too, where `trainerArgs` asks for it
    trl_callback    evaluation, reports, checkpoints and stops at TRL's callbacks
    trl_training    a run of TRL's trainer to its end: resume, interruption, no silent end
    event_handlers  what the main process does on events of training

For every one that learns from rewards:

    early_stopping  reasons to stop a run that learns nothing

May know `dataset`, `models`, `distributed` and the rewards; never evaluation, storage or reporting, which it reaches
through the handlers. Importing this package loads no torch.

To add an algorithm: a part of the spec in `atlas_api.training`, a module here with `check_arguments`, `build_trainer`
and `train` as in `grpo`, and a line in `MODULES`. A row that is more than a prompt begins in `dataset.session_rows`, a
second model (a teacher) in `models`, the lines of its recipe in `reporting.html.recipe`.
"""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from atlas_api import AtlasTrainingSpec

MODULES: Mapping[str, str] = {
    "grpo": "atlas_trainer.algorithms.grpo",
}
"""Part of the spec -> module of the algorithm."""


def algorithm_of(spec: AtlasTrainingSpec) -> ModuleType:
    """The module of the algorithm that *spec* asks for. The first import loads torch and TRL, which takes seconds."""
    (part,) = (part for part in MODULES if getattr(spec, part) is not None)
    return import_module(MODULES[part])
