"""
The policy, the model that is trained: arguments for loading it, adapters, precision, quantisation.

Knows nothing about algorithms.
"""

from typing import Any

import torch
from peft import LoraConfig
from transformers import BitsAndBytesConfig

from atlas_api.training.model import ModelSpec


def loading_arguments(model: ModelSpec) -> dict[str, Any]:
    """Arguments of `from_pretrained`: masters are fp32 whatever the file holds."""
    return {"dtype": "float32", "revision": model.revision or "main", "trust_remote_code": model.trust_remote_code}


def lora_of(model: ModelSpec) -> LoraConfig | None:
    """Configuration of LoRA for peft, None for full fine-tuning."""
    if model.lora is None:
        return None
    targets = model.lora.targets
    return LoraConfig(
        r=model.lora.rank,
        lora_alpha=model.lora.alpha,
        lora_dropout=model.lora.dropout,
        target_modules=targets[0] if targets == ("all-linear",) else list(targets),
        task_type="CAUSAL_LM",
    )


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
