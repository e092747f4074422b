"""A model that is broken or does not fit the manifest is refused before sessions are read: exit 2, and the cure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.trainer.broken_models import (
    POINTER,
    WEIGHTS,
    add_token,
    copied_adapter_config,
    cut,
    drop,
    edit_json,
    edit_weights,
    encoder,
    encoder_with_decoder,
    end_token_added,
    endless,
    first_shard,
    folder_in_place_of,
    image_classifier,
    pickle_alone,
    pickle_renamed,
    pipe_in_place_of,
    prefixed,
    put,
    remove,
    saved_as,
    sequence_classifier,
    sharded_then,
    template,
    wrapped,
    write,
)
from support.trainer.tiny_model import CHATML, save_tiny_model
from support.trainer.trainings import write_manifest
from transformers import AutoTokenizer

from atlas_api.training.model import ModelSpec
from atlas_core.main import main
from atlas_trainer.dataset.model_source import find_model
from atlas_trainer.models.checks import check_model


@dataclass(frozen=True)
class Breakage:
    """A fault, what the manifest says besides, and what the message must hold."""

    name: str
    break_it: Callable[[Path], None]
    message: str
    """A regular expression."""

    model: dict[str, Any] = field(default_factory=dict)
    """Changes of `spec.model`."""


RECURSION = "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}"


def nothing(_: Path) -> None:
    """The model is sound."""


BREAKAGES = (
    # tensors
    Breakage(
        "tensors missing", drop("layers.1.mlp."), r"lack 3 tensors, first model\.layers\.1\.mlp\.down_proj\.weight"
    ),
    Breakage("one tensor missing", drop("model.norm"), r"lack 1 tensor, first model\.norm\.weight"),
    Breakage("embedding missing", drop("embed_tokens"), r"lack 2 tensors, first lm_head\.weight"),
    Breakage("tensor unexpected", put("model.value_head.weight", 1, 64), r"first model\.value_head\.weight"),
    Breakage("tensor of another shape", put("model.norm.weight", 32), r"model\.norm\.weight as 32 where .* has 64"),
    Breakage(
        "all under another name", edit_weights(prefixed), r"lack 21 tensors.*hold 20 tensors.*first module\.model\."
    ),
    Breakage("more layers configured", edit_json("config.json", num_hidden_layers=3), r"lack 9 tensors.*layers\.2\."),
    Breakage("fewer layers configured", edit_json("config.json", num_hidden_layers=1), r"hold 9 tensors.*layers\.1\."),
    Breakage(
        "vocabulary resized in config alone", edit_json("config.json", vocab_size=64), r"embed_tokens.*41x64.*64x64"
    ),
    # files
    Breakage("pointer for weights", write(WEIGHTS, POINTER), r"model\.safetensors stand.*git lfs pull"),
    Breakage("pointer for tokenizer", write("tokenizer.json", POINTER), r"tokenizer\.json stand.*git lfs pull"),
    Breakage("weights cut", cut(WEIGHTS, -1000), r"model\.safetensors is cut: [\d,]+ bytes, and its header tells of"),
    Breakage(
        "weights cut in the header", cut(WEIGHTS, 100), r"model\.safetensors is cut: 100 bytes, and its header alone"
    ),
    Breakage("weights empty", write(WEIGHTS, b""), r"model\.safetensors is no safetensors file \(0 bytes\)"),
    Breakage("weights a web page", write(WEIGHTS, "<!doctype html>" + " " * 2000), r"is no safetensors file"),
    Breakage("weights with more behind", lambda f: write(WEIGHTS, (f / WEIGHTS).read_bytes() + b"x")(f), r"is damaged"),
    Breakage("weights a folder", folder_in_place_of(WEIGHTS), r"model\.safetensors is no regular file"),
    Breakage("weights absent", remove(WEIGHTS), r"holds no weights \(model\.safetensors"),
    Breakage("pickle alone", pickle_alone, r"pickled \(pytorch_model\.bin\).*nothing is unpickled"),
    Breakage("pickle under another name", pickle_renamed, r"model\.safetensors is a pickle under another name"),
    Breakage(
        "shard missing", sharded_then(lambda f: first_shard(f).unlink()), r"1 of the \d+ files .* first model-00001-of"
    ),
    Breakage(
        "shard cut",
        sharded_then(lambda f: cut(first_shard(f).name, -100)(f)),
        r"model-00001-of-\d+\.safetensors is cut",
    ),
    Breakage("index broken", sharded_then(write("model.safetensors.index.json", "{")), r"index\.json is no JSON"),
    Breakage(
        "index empty", sharded_then(write("model.safetensors.index.json", "{}")), r"index\.json has no weight_map"
    ),
    Breakage(
        "index that leads elsewhere",
        sharded_then(write("model.safetensors.index.json", '{"weight_map": {"a": "../../etc/x.safetensors"}}')),
        r"lists '\.\./\.\./etc/x\.safetensors'",
    ),
    Breakage("config absent", remove("config.json"), r"holds no config\.json"),
    Breakage("config no JSON", write("config.json", "{"), r"config\.json is no JSON"),
    Breakage("config a list", write("config.json", "[]"), r"config\.json holds no JSON object"),
    Breakage("config nested without end", write("config.json", '{"a":' + "[" * 9999), r"config\.json is nested"),
    Breakage("adapters in a model's folder", copied_adapter_config, r"holds a whole model and adapters"),
    # architectures
    Breakage(
        "sequence classifier", saved_as(sequence_classifier), r"LlamaForSequenceClassification, which writes no text"
    ),
    Breakage("encoder", saved_as(encoder), r"BertForMaskedLM, which writes no text"),
    Breakage("encoder with decoder", saved_as(encoder_with_decoder), r"T5ForConditionalGeneration, an encoder with"),
    Breakage("image classifier", saved_as(image_classifier), r"ViTForImageClassification, which writes no text"),
    Breakage(
        "unknown architecture", edit_json("config.json", model_type="nope"), r"model_type 'nope', which transformers"
    ),
    Breakage("no architecture", edit_json("config.json", model_type=None), r"model_type None, which transformers"),
    Breakage("architecture a list", edit_json("config.json", model_type=["llama"]), r"model_type \['llama'\]"),
    Breakage(
        "size a text", edit_json("config.json", hidden_size="big"), r"config\.json is no configuration: .*hidden_size"
    ),
    Breakage("no heads", edit_json("config.json", num_attention_heads=0), r"config\.json"),
    Breakage(
        "code of its own",
        edit_json("config.json", model_type="mine", auto_map={"AutoConfig": "c.C", "AutoModelForCausalLM": "m.M"}),
        r"set model\.trustRemoteCode: true",
    ),
    Breakage(
        "gptq", edit_json("config.json", quantization_config={"quant_method": "gptq", "bits": 4}), r"quantised by gptq"
    ),
    Breakage(
        "awq", edit_json("config.json", quantization_config={"quant_method": "awq", "bits": 4}), r"quantised by awq"
    ),
    Breakage(
        "saved in 4 bits, all trained",
        edit_json("config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True}),
        r"cannot be trained; add model\.lora",
    ),
    # manifest
    Breakage(
        "target that is not there",
        nothing,
        r"spec\.model\.lora\.targets: .* no module no_such_layer; there are down_proj, gate_proj",
        {"lora": {"targets": ["q_proj", "no_such_layer"]}},
    ),
    Breakage(
        "target that is no layer",
        nothing,
        r"lora\.targets: norm can have no adapters; there are down_proj",
        {"lora": {"targets": ["norm"]}},
    ),
    Breakage(
        "all-linear among others", nothing, r"no module all-linear;", {"lora": {"targets": ["all-linear", "q_proj"]}}
    ),
    Breakage(
        "maxLength beyond positions",
        nothing,
        r"spec\.model\.maxLength: 513 tokens.*has 512 positions",
        {"maxLength": 513},
    ),
    # tokens
    Breakage("tokens added, not resized", add_token("refund"), r"1 tokens of its tokenizer.* first 'refund' \(41\)"),
    Breakage("end token added, not resized", end_token_added, r"first '<\|done\|>' \(41\)"),
    Breakage(
        "pad token of the config",
        edit_json("config.json", pad_token_id=41),
        r"config\.json has pad_token_id 41.*ends at 40",
    ),
    Breakage(
        "end token of the config", edit_json("config.json", eos_token_id=[40, 99]), r"config\.json has eos_token_id 99"
    ),
    Breakage(
        "end token of generation",
        edit_json("generation_config.json", eos_token_id=[40, 99]),
        r"generation_config\.json has eos_token_id 99",
    ),
    Breakage(
        "end token of generation a text",
        edit_json("generation_config.json", eos_token_id="end"),
        r"generation_config\.json has eos_token_id 'end', which is no id",
    ),
    Breakage("weights a pipe", pipe_in_place_of(WEIGHTS), r"model\.safetensors is no regular file"),
    Breakage("config without an end", endless("config.json"), r"holds no config\.json"),
    Breakage("a name with control characters", write("a\x1b[31m\n.json", POINTER), r"git lfs pull"),
    Breakage("vocabulary of nothing", edit_json("config.json", vocab_size=0), r"embedding ends at -1"),
    Breakage("template that recurses", write("chat_template.jinja", RECURSION), r"cannot render.*RecursionError"),
    Breakage("template without text", write("chat_template.jinja", b"\xff\xfe"), r"no tokenizer that can be loaded"),
    Breakage("adapters not merged", edit_weights(wrapped), r"lack 2 tensors.*hold 2 tensors.*q_proj\.base_layer"),
    Breakage(
        "generation config no JSON", write("generation_config.json", "{nope"), r"generation_config\.json is no JSON"
    ),
    Breakage(
        "generation config a list",
        write("generation_config.json", "[]"),
        r"generation_config\.json holds no JSON object",
    ),
    Breakage(
        "generation config that cannot be saved",
        edit_json("generation_config.json", temperature=0.6),
        r"generation_config\.json cannot be saved.*`temperature`",
    ),
    # tokenizer and template
    Breakage("tokenizer absent", remove("tokenizer.json"), r"tokenizer"),
    Breakage("tokenizer no JSON", write("tokenizer.json", "{"), r"no tokenizer that can be loaded"),
    Breakage("tokenizer of another kind", write("tokenizer.json", '{"model": 3}'), r"no tokenizer that can be loaded"),
    Breakage("no template", lambda f: (f / "chat_template.jinja").unlink(), r"has no chat template"),
    Breakage(
        "template that raises", write("chat_template.jinja", "{{ raise_exception('never') }}"), r"cannot render.*never"
    ),
    Breakage("template that is no template", write("chat_template.jinja", "{% for %}"), r"cannot render"),
    Breakage(
        "template that divides by nothing",
        write("chat_template.jinja", "{{ 1 / 0 }}"),
        r"cannot render.*ZeroDivisionError",
    ),
    Breakage("template a number", template(42), r"spec\.model\.source"),
    Breakage("templates without a default", template([{"name": "rag", "template": CHATML}]), r"cannot render"),
    Breakage(
        "template that fails where the model answers",
        write(
            "chat_template.jinja",
            CHATML.replace("{% if add_generation_prompt %}", "{% if add_generation_prompt %}{{ 1 / 0 }}"),
        ),
        r"cannot render.*ZeroDivisionError",
    ),
)


@pytest.mark.parametrize("breakage", [pytest.param(breakage, id=breakage.name) for breakage in BREAKAGES])
def test_it_is_refused_with_tensor_token_or_field(
    breakage: Breakage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny_model(tmp_path / "model")
    breakage.break_it(model)
    # There are no traces: whoever complained of that would have looked at them first.
    manifest = write_manifest(tmp_path, model={"source": str(model), "maxLength": 128, **breakage.model})
    assert main(["run", "-f", str(manifest)]) == 2
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert "\x1b[31m" not in printed
    assert "traces" not in printed
    assert re.search(breakage.message, " ".join(printed.split())), printed


def test_a_pad_token_that_was_added_without_resizing_gives_way_to_the_end_token_with_a_word(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    saved = AutoTokenizer.from_pretrained(folder)
    saved.add_special_tokens({"pad_token": "<|new_pad|>"})
    saved.save_pretrained(folder)
    model = ModelSpec(source=str(folder), max_length=512)
    tokenizer, note = check_model(model, find_model(model))
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("<|im_end|>", 40)
    assert note is not None
    assert re.search(r"pads with <\|new_pad\|> \(41\), which the model of 41 tokens does not have; padded with", note)
