"""
What the `config.json` of a model says, and whether such a model can be trained here.

Reads no weights.
"""

from typing import TYPE_CHECKING, Any

import transformers
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, GenerationConfig
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES,
    MODEL_FOR_MASKED_LM_MAPPING,
)

from atlas_api.errors import InvalidManifest
from atlas_api.text import one_line
from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.model_source import FoundModel, invalid, read_json

if TYPE_CHECKING:
    from transformers import PretrainedConfig

CONFIG = "config.json"
GENERATION_CONFIG = "generation_config.json"

_WRITERS = {*MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values(), *MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES.values()}
"""Names of architectures that write text. Those that read images too are trained on text alone."""

_TOKENS = ("pad_token_id", "eos_token_id", "bos_token_id")
_TRAINABLE_QUANTISATION = "bitsandbytes"
_SHOWN = 240


def load_configuration(model: ModelSpec, base: FoundModel) -> "PretrainedConfig":
    """The configuration of *base*. Raises `InvalidManifest` for one that makes no model that *model* can be."""
    document = read_json(model, base.folder / CONFIG)
    kind = document.get("model_type")
    known = isinstance(kind, str) and kind in CONFIG_MAPPING
    if not known and "auto_map" not in document:
        raise invalid(
            model, f"{CONFIG} has model_type {kind!r}, which transformers {transformers.__version__} does not know"
        )
    if not known and not model.trust_remote_code:
        raise invalid(model, "comes with Python code of its own; set model.trustRemoteCode: true if you trust it")
    try:
        config = AutoConfig.from_pretrained(base.folder, trust_remote_code=model.trust_remote_code)
    except Exception as error:  # each architecture checks its fields in its own way
        raise invalid(model, f"{CONFIG} is no configuration: {one_line(str(error), _SHOWN)}") from error
    _check_tokens(model, CONFIG, config.get_text_config(), getattr(config.get_text_config(), "vocab_size", None))
    return config


def architecture_of(model: ModelSpec, config: "PretrainedConfig") -> Any:
    """The class that makes a model of *config*. Raises `InvalidManifest` for one that is no causal language model."""
    if getattr(config, "is_encoder_decoder", False):
        raise _no_writer(model, f"{CONFIG} is of {_named(config)}, an encoder with a decoder")
    own_code = getattr(config, "auto_map", None) or {}
    if model.trust_remote_code and "AutoModelForCausalLM" in own_code:
        return AutoModelForCausalLM
    name = _named(config)
    if name not in _WRITERS:
        raise _no_writer(model, f"{CONFIG} is of {name}, which writes no text")
    if type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False):
        raise _no_writer(model, f"{CONFIG} is of {name}, an encoder")
    return getattr(transformers, name)


def has_own_code(model: ModelSpec, config: "PretrainedConfig") -> bool:
    """Whether the model is made by Python code that comes with it, of which nothing is known before it is loaded."""
    return architecture_of(model, config) is AutoModelForCausalLM


def is_quantised(config: "PretrainedConfig") -> bool:
    """Whether the saved weights are quantised."""
    return getattr(config, "quantization_config", None) is not None


def check_quantisation(model: ModelSpec, config: "PretrainedConfig") -> None:
    """Raise `InvalidManifest` for weights that are saved in a quantised form which cannot be trained on."""
    if not is_quantised(config):
        return
    saved = config.quantization_config
    document: dict[str, Any] = saved if isinstance(saved, dict) else saved.to_dict()
    method = document.get("quant_method") or _TRAINABLE_QUANTISATION
    if method != _TRAINABLE_QUANTISATION:
        raise invalid(
            model,
            f"{CONFIG} says that the weights are quantised by {method}, which cannot be trained; give the model that "
            "is not quantised (model.quantization quantises it here)",
        )
    if model.lora is None:
        raise invalid(model, "the weights are quantised, and those cannot be trained; add model.lora: {}")
    form = "int8" if document.get("load_in_8bit") else "nf4"
    if model.quantization not in ("none", form):
        raise InvalidManifest(
            [f"spec.model.quantization: {model.quantization}, but the model is saved as {form}; remove the field"]
        )


def check_length(model: ModelSpec, config: "PretrainedConfig") -> None:
    """Raise `InvalidManifest` when `model.maxLength` exceeds the positions of the model."""
    positions = _positions(config.get_text_config())
    if positions is not None and model.max_length > positions:
        raise InvalidManifest(
            [
                f"spec.model.maxLength: {model.max_length} tokens, but {model.source} has {positions} positions "
                f"(max_position_embeddings); lower it to {positions} at most"
            ]
        )


def check_generation(model: ModelSpec, base: FoundModel, rows: int) -> None:
    """Raise `InvalidManifest` for a generation_config.json that is none, or that could not be saved with the result.

    *rows* is the number of tokens that the model knows.
    """
    file = base.folder / GENERATION_CONFIG
    if not file.exists():
        return
    read_json(model, file)
    try:
        generation = GenerationConfig.from_pretrained(base.folder)
    except Exception as error:
        raise invalid(model, f"{GENERATION_CONFIG} is none: {one_line(str(error), _SHOWN)}") from error
    _check_tokens(model, GENERATION_CONFIG, generation, rows)
    if model.lora is not None:
        return  # adapters are saved without it
    try:
        generation.validate(strict=True)
    except Exception as error:
        problem = str(error).partition("\n- ")[2].partition("\n")[0] or str(error)
        raise invalid(
            model, f"{GENERATION_CONFIG} cannot be saved with a trained model: {one_line(problem, _SHOWN)}"
        ) from None


def _check_tokens(model: ModelSpec, file: str, holder: Any, rows: int | None) -> None:
    """Check the ids of control tokens that *holder* declares. Those from *rows* on have no place in the model."""
    for name in _TOKENS:
        declared = getattr(holder, name, None)
        for token in declared if isinstance(declared, list) else [declared]:
            if token is not None and type(token) is not int:
                raise invalid(model, f"{file} has {name} {one_line(repr(token), _SHOWN)}, which is no id of a token")
            if token is not None and rows is not None and token >= rows:
                raise invalid(
                    model,
                    f"{file} has {name} {token}, but the model's embedding ends at {rows - 1}: a token was added and "
                    "the model not resized; write the id of a token that it has, its end token for padding",
                )


def _positions(config: Any) -> int | None:
    """Longest sequence of a text model; None where it names none. Scaled rotary positions reach further."""
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions <= 0:
        return None
    scaled = getattr(config, "rope_parameters", None) or {}
    factor = scaled.get("factor") if isinstance(scaled, dict) else None
    if not isinstance(factor, int | float):
        return positions
    original = scaled.get("original_max_position_embeddings") or positions
    return max(positions, int(original * factor))


def _named(config: "PretrainedConfig") -> str:
    """Name of the architecture that was saved; where none is written, of the one for causal language models."""
    names = getattr(config, "architectures", None)
    if names:
        return str(names[0])
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return str(MODEL_FOR_CAUSAL_LM_MAPPING[type(config)].__name__)
    return f"model_type {config.model_type}"


def _no_writer(model: ModelSpec, what: str) -> InvalidManifest:
    return invalid(model, f"{what}; give a causal language model, whose architecture ends in ForCausalLM as a rule")
