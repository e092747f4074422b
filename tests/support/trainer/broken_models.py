"""Ways to break a saved model: each is a function that changes the tiny model in a folder."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from support.trainer.tiny_model import CHATML
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456\n"
WEIGHTS = "model.safetensors"


def edit_json(name: str, **changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        document = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**document, **changes}))

    return edit


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return rewrite


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def cut(name: str, end: int) -> Callable[[Path], None]:
    """Leave the bytes up to *end*, which counts from behind when it is negative."""
    return lambda folder: write(name, (folder / name).read_bytes()[:end])(folder)


def edit_weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        weights = {name: tensor.clone() for name, tensor in load_file(folder / WEIGHTS).items()}  # of a mapped file
        change(weights)
        save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})

    return edit


def drop(part: str) -> Callable[[Path], None]:
    def change(weights: dict[str, torch.Tensor]) -> None:
        for name in [name for name in weights if part in name]:
            del weights[name]

    return edit_weights(change)


def put(name: str, *shape: int) -> Callable[[Path], None]:
    return edit_weights(lambda weights: weights.update({name: torch.zeros(*shape)}))


def prefixed(weights: dict[str, torch.Tensor]) -> None:
    for name in list(weights):
        weights[f"module.{name}"] = weights.pop(name)


def shard(folder: Path) -> None:
    """Save the model in several files."""
    model = LlamaForCausalLM.from_pretrained(folder)
    (folder / WEIGHTS).unlink()
    model.save_pretrained(folder, max_shard_size="100KB")


def sharded_then(then: Callable[[Path], None]) -> Callable[[Path], None]:
    def both(folder: Path) -> None:
        shard(folder)
        then(folder)

    return both


def first_shard(folder: Path) -> Path:
    return min(folder.glob("model-*.safetensors"))


def pickle_alone(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def pickle_renamed(folder: Path) -> None:
    pickle_alone(folder)
    (folder / "pytorch_model.bin").rename(folder / WEIGHTS)


def saved_as(make: Callable[[], Any]) -> Callable[[Path], None]:
    def save(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        make().save_pretrained(folder)

    return save


def sequence_classifier() -> LlamaForSequenceClassification:
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForSequenceClassification(LlamaConfig(vocab_size=41, pad_token_id=40, **sizes))


def encoder() -> BertForMaskedLM:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return BertForMaskedLM(BertConfig(vocab_size=41, **sizes))


def encoder_with_decoder() -> T5ForConditionalGeneration:
    return T5ForConditionalGeneration(T5Config(vocab_size=41, d_model=16, d_ff=16, num_layers=1, num_heads=2, d_kv=8))


def image_classifier() -> ViTForImageClassification:
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return ViTForImageClassification(ViTConfig(image_size=32, patch_size=16, **sizes))


def add_token(token: str, special: bool = False) -> Callable[[Path], None]:
    def add(folder: Path) -> None:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer.add_tokens([token], special_tokens=special)
        tokenizer.save_pretrained(folder)

    return add


def end_token_added(folder: Path) -> None:
    """A template of its own with a new end token, and the model as it was."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"eos_token": "<|done|>"})
    tokenizer.chat_template = CHATML.replace("<|im_end|>", "<|done|>")
    tokenizer.save_pretrained(folder)


def template(text: Any) -> Callable[[Path], None]:
    def rewrite(folder: Path) -> None:
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        edit_json("tokenizer_config.json", chat_template=text)(folder)

    return rewrite


def folder_in_place_of(name: str) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return replace


def pipe_in_place_of(name: str) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return replace


def endless(name: str) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")

    return replace


def wrapped(weights: dict[str, torch.Tensor]) -> None:
    """Names as peft has them in a model with adapters that were never merged."""
    for name in [name for name in weights if "q_proj" in name]:
        weights[name.replace(".weight", ".base_layer.weight")] = weights.pop(name)


def copied_adapter_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "x/y"}')
