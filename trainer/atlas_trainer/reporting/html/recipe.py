"""
The recipe of a run in a dozen lines, for people. Pure.

Addresses of sources are left out on purpose: a report is handed on.
"""

from atlas_api.training.reward import KINDS, Reward, Verifier
from atlas_api.training.spec import AtlasTrainingSpec
from atlas_trainer.reporting.formatting import number


def recipe(spec: AtlasTrainingSpec) -> list[tuple[str, str]]:
    """Name and value of what decides how the model turns out, in the order of the manifest."""
    grpo, optimization = spec.grpo, spec.optimization
    prompts = optimization.batch_size // grpo.group_size
    return [
        ("Base model", spec.model.source + (f" @ {spec.model.revision}" if spec.model.revision else "")),
        ("Method", f"{spec.method}, loss {grpo.loss}"),
        ("Weights", _weights(spec)),
        ("Step", f"{prompts} prompts x {grpo.group_size} completions of up to {grpo.max_completion_tokens} tokens"),
        ("Sampling", f"temperature {number(grpo.temperature)}, top-p {number(grpo.top_p)}"),
        ("KL penalty", number(grpo.kl_beta) if grpo.kl_beta else "none"),
        ("Reward", _reward(spec.reward)),
        ("Learning rate", _learning_rate(spec)),
        ("Length", _length(spec)),
        ("Precision", optimization.precision),
        ("Seed", str(optimization.seed)),
        ("Recipe hash", spec.hash()),
    ]


def _weights(spec: AtlasTrainingSpec) -> str:
    lora = spec.model.lora
    if lora is None:
        return "full fine-tuning"
    base = "" if spec.model.quantization == "none" else f", base in {spec.model.quantization}"
    return f"LoRA, rank {lora.rank}, alpha {lora.alpha}, {', '.join(lora.targets)}{base}"


def _reward(reward: Reward) -> str:
    weighted = len(reward.verifiers) > 1
    parts = [_verifier(verifier, reward.weights.get(verifier.name, 1.0), weighted) for verifier in reward.verifiers]
    named = reward.service_ref
    if named is not None:
        parts.append(f"judges of {named.name or named.url or named.file} (weight {number(named.weight)})")
    read = f"; answers read from {where}" if (where := reward.answer.path or reward.answer.source) != "text" else ""
    return ", ".join(parts) + read


def _verifier(verifier: Verifier, weight: float, weighted: bool) -> str:
    document = verifier.model_dump(by_alias=True, exclude_none=True)
    kind = next(kind for kind in KINDS if kind in document)
    return f"{verifier.name} ({kind}{f', weight {number(weight)}' if weighted else ''})"


def _learning_rate(spec: AtlasTrainingSpec) -> str:
    rate = spec.optimization.learning_rate
    shown = number(rate) if rate is not None else "default"
    warmup = f", warm-up {number(spec.optimization.warmup_ratio)}" if spec.optimization.warmup_ratio else ""
    return f"{shown}, {spec.optimization.schedule}{warmup}"


def _length(spec: AtlasTrainingSpec) -> str:
    if spec.optimization.max_steps:
        return f"{spec.optimization.max_steps} steps"
    return f"{number(spec.optimization.epochs or 1.0)} epochs"
