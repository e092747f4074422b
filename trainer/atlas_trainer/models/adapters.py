"""
LoRA adapters: new ones as the manifest wants them, or saved ones that training goes on from.

Saved adapters keep their form, because rank, scale and places are part of what was learnt: the manifest has to say the
same, so that nobody reads in it what is not so.
"""

from functools import partial
from typing import TYPE_CHECKING, Any

from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.utils.save_and_load import load_peft_weights, set_peft_model_state_dict
from torch import nn

from atlas_api.errors import InvalidManifest
from atlas_api.text import one_line
from atlas_api.training.model import Lora, ModelSpec
from atlas_trainer.dataset.model_source import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    FoundModel,
    ModelSource,
    invalid,
    read_json,
)
from atlas_trainer.models.weights import Shapes, saved_shapes

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ALL_LINEAR = "all-linear"
TASK = "CAUSAL_LM"
ADAPTER = "default"
"""Name of the trained adapters in a model of peft."""

_SHOWN = 240


def new_adapters(model: ModelSpec, source: ModelSource) -> LoraConfig | None:
    """Configuration of peft for new adapters; None for full fine-tuning, and where saved adapters are gone on from."""
    if model.lora is None or source.adapters is not None:
        return None
    return _configuration(model.lora, source.base)


def saved_adapters(loaded: "PreTrainedModel", model: ModelSpec, source: ModelSource) -> Any:
    """*loaded* with the saved adapters of *source* on it, to be trained; as it is where there are none."""
    if source.adapters is None or model.lora is None:
        return loaded
    try:
        config = LoraConfig.from_pretrained(source.adapters.folder)
        config.lora_dropout = model.lora.dropout
        config.base_model_name_or_path, config.revision = source.base.name, source.base.revision
        return PeftModel.from_pretrained(loaded, source.adapters.folder, ADAPTER, is_trainable=True, config=config)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        reason = one_line(str(error), _SHOWN)
        raise invalid(model, f"{ADAPTER_CONFIG} has settings that cannot be loaded here: {reason}") from error


def restore_saved_adapters(trained: Any, source: ModelSource) -> None:
    """Give *trained* the saved weights of *source* again, exactly: TRL rounds adapters on a quantised base to bf16."""
    if source.adapters is not None:
        weights = load_peft_weights(str(source.adapters.folder), device="cpu")
        set_peft_model_state_dict(trained, weights, adapter_name=ADAPTER)


def save_trained_alone(trained: Any) -> None:
    """Let *trained* save the trained adapters only.

    For a KL penalty TRL keeps a copy of saved adapters as they were. It is made anew at each start; found in a
    checkpoint, it would be loaded in place of the trained ones.
    """
    if isinstance(trained, PeftModel):
        trained.save_pretrained = partial(trained.save_pretrained, selected_adapters=[ADAPTER])


def check_adapters(model: ModelSpec, source: ModelSource, empty: Any) -> None:
    """Check `model.lora` against the model, of which *empty* has names and shapes, and against saved adapters.

    *empty* gets adapters. Raises `InvalidManifest` for targets that are not there, and for what differs.
    """
    if source.adapters is not None:
        _check_settings(model, source.adapters)
    if model.lora is None:
        return
    check_targets(model.lora, empty)
    try:
        adapted = get_peft_model(empty, _configuration(model.lora, source.base))
    except (ValueError, TypeError, NotImplementedError) as error:
        others = [
            target
            for target in _targets(model.lora)
            if not any(isinstance(module, nn.Linear) for module in _matching(target, empty))
        ]
        problem = f"{', '.join(others)} can have no adapters" if others else one_line(str(error), _SHOWN)
        raise _no_targets(problem, empty) from error
    if source.adapters is not None:
        state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        wanted = {name: tuple(weights.shape) for name, weights in state.items()}
        _check_places(model, wanted, saved_shapes(model, source.adapters.folder, ADAPTER_WEIGHTS))


def check_targets(lora: Lora, loaded: nn.Module) -> None:
    """Raise `InvalidManifest` for targets that the model does not have: peft is content when one of them is there."""
    absent = [target for target in _targets(lora) if not _matching(target, loaded)]
    if absent:
        raise _no_targets(f"the model has no module {', '.join(absent)}", loaded)


def _targets(lora: Lora) -> tuple[str, ...]:
    """Names of modules; none for all linear layers."""
    return () if lora.targets == (ALL_LINEAR,) else lora.targets


def _matching(target: str, loaded: nn.Module) -> list[nn.Module]:
    """Modules that peft takes *target* for."""
    return [module for name, module in loaded.named_modules() if name == target or name.endswith(f".{target}")]


def _no_targets(problem: str, loaded: nn.Module) -> InvalidManifest:
    there = {name.rpartition(".")[2] for name, module in loaded.named_modules() if isinstance(module, nn.Linear)}
    return InvalidManifest(
        [
            f"spec.model.lora.targets: {problem}; there are {', '.join(sorted(there))}, and {ALL_LINEAR} by itself for "
            "all but the head"
        ]
    )


def _configuration(lora: Lora, base: FoundModel) -> LoraConfig:
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=ALL_LINEAR if lora.targets == (ALL_LINEAR,) else list(lora.targets),
        task_type=TASK,
        revision=base.revision,
    )


def _check_settings(model: ModelSpec, adapters: FoundModel) -> None:
    """Compare `model.lora` with what `adapter_config.json` says."""
    saved = read_json(model, adapters.folder / ADAPTER_CONFIG)
    if saved.get("peft_type") != "LORA":
        raise invalid(model, f"{ADAPTER_CONFIG} is of {saved.get('peft_type')!r}; only LORA can be gone on from")
    if saved.get("task_type") not in (None, TASK):
        raise invalid(model, f"{ADAPTER_CONFIG} is for {saved['task_type']!r}; only {TASK} can be gone on from")
    rank, alpha, targets = saved.get("r"), saved.get("lora_alpha"), saved.get("target_modules")
    if model.lora is None:
        raise invalid(
            model,
            f"holds LoRA adapters; to go on from them, add model.lora: {{rank: {rank}, alpha: {alpha}}} "
            f"(with their targets, {_listed(targets)}, where those are not all linear layers); for full fine-tuning, "
            "merge them into their base and save that first",
        )
    differences = [
        f"spec.model.lora.{field}: {here}, but the adapters in {model.source} have {there}; write that to go on from "
        "them, or name their base in model.source for new ones"
        for field, here, there in (("rank", model.lora.rank, rank), ("alpha", model.lora.alpha, alpha))
        if here != there
    ]
    if differences:
        raise InvalidManifest(differences)


def _check_places(model: ModelSpec, wanted: Shapes, saved: Shapes) -> None:
    """Compare the tensors that `model.lora` asks for with those that are *saved*."""
    others = sorted(name for name in saved.keys() - wanted.keys() if ".lora_A." not in name and ".lora_B." not in name)
    if others:
        raise invalid(
            model,
            f"the adapters are no plain LoRA, which alone can be gone on from: they hold {one_line(others[0], _SHOWN)} "
            "(DoRA, or modules that were trained as a whole)",
        )
    absent, more = _places(wanted.keys() - saved.keys()), _places(saved.keys() - wanted.keys())
    if absent or more:
        parts = [f"none on {', '.join(absent)}"] if absent else []
        parts += [f"some on {', '.join(more)}"] if more else []
        raise InvalidManifest(
            [
                f"spec.model.lora.targets: the adapters in {model.source} differ: they have {', and '.join(parts)}; "
                "write their targets, or name their base in model.source for new ones"
            ]
        )
    other = sorted(name for name in wanted if wanted[name] != saved[name])
    if other:
        raise invalid(
            model,
            f"the adapters do not fit their base: {other[0]} is {list(saved[other[0]])}, and {list(wanted[other[0]])} "
            f"would fit; write the base that they were trained on into {ADAPTER_CONFIG}",
        )


def _places(tensors: Any) -> list[str]:
    """Names of the modules that adapters with these *tensors* are on, without their layer."""
    return sorted({name.partition(".lora_")[0].rpartition(".")[2] for name in tensors})


def _listed(targets: Any) -> str:
    names = targets if isinstance(targets, list) else [targets]
    return one_line(", ".join(sorted({str(name).rpartition(".")[2] for name in names})), _SHOWN)
