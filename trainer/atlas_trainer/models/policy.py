"""
The policy, the model that is trained: loaded whole or not at all, with its precision and quantisation.

Knows nothing about algorithms.
"""

from typing import Any

import torch
from safetensors import SafetensorError
from transformers import BitsAndBytesConfig
from transformers.utils.logging import disable_progress_bar

from atlas_api.training.model import ModelSpec
from atlas_trainer.dataset.model_source import MODEL_WEIGHTS, ModelSource
from atlas_trainer.models.adapters import check_targets, saved_adapters
from atlas_trainer.models.completeness import check_complete, loading_failed
from atlas_trainer.models.configuration import architecture_of, load_configuration
from atlas_trainer.models.weights import fetch_weights, saved_shapes


def load_policy(model: ModelSpec, source: ModelSource, *, alone: bool) -> Any:
    """Load *source* for training, saved adapters on their base; masters are fp32 whatever the files hold.

    *alone* tells that no other process trains with this one. Raises `InvalidManifest` when the weights are not all and
    only those of the architecture, and what `find_model` raises when they are still on the hub.
    """
    disable_progress_bar()
    config = load_configuration(model, source.base)
    architecture = architecture_of(model, config)
    fetch_weights(model, source.base, MODEL_WEIGHTS)
    saved_shapes(model, source.base.folder, MODEL_WEIGHTS)
    try:
        loaded, report = architecture.from_pretrained(
            source.base.folder,
            dtype=torch.float32,
            device_map="auto" if alone and torch.cuda.is_available() else None,
            quantization_config=quantization_of(model),
            trust_remote_code=model.trust_remote_code,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise loading_failed(model, error) from error
    check_complete(model, type(loaded).__name__, report)
    # Adapters are saved with the name of their base, and a cache of the hub is nobody else's.
    loaded.name_or_path = source.base.name
    if model.lora is not None:
        check_targets(model.lora, loaded)
    return saved_adapters(loaded, model, source)


def quantization_of(model: ModelSpec) -> BitsAndBytesConfig | None:
    """Configuration of quantisation for bitsandbytes, None for full precision."""
    if model.quantization == "none":
        return None
    if model.quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    compute = torch.bfloat16 if torch.cuda.is_available() else torch.float32
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def keep_masters_in_fp32(model: Any) -> None:
    """Cast trained weights to fp32: TRL casts adapters on a quantised base to bf16, where steps of 1e-5 are lost."""
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype != torch.float32:
            parameter.data = parameter.data.float()


def keep_gradients_through_quantised_layers(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit layers for inference, once they are evaluated on CPUs with AVX512-BF16.

    They would stay so when training goes on, and the repacked product has no gradient.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
