"""What only a GPU shows. `make test-gpu` runs these; nothing else does."""

from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from support.trainer.tiny_model import save_tiny_model
from support.trainer.trainings import make_training, write_export

from atlas_core.commands.run import run

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(
    "adaptation",
    [
        pytest.param({}, id="all weights"),
        pytest.param({"lora": {"rank": 4}}, id="adapters"),
        pytest.param({"lora": {"rank": 4}, "quantization": "nf4"}, id="adapters on 4 bits"),
        pytest.param({"lora": {"rank": 4}, "quantization": "int8"}, id="adapters on 8 bits"),
    ],
)
def test_a_run_on_a_gpu_keeps_its_masters_in_fp32(tmp_path: Path, adaptation: dict[str, Any]) -> None:
    assert torch.cuda.is_available()
    save_tiny_model(tmp_path / "model")
    write_export(tmp_path)
    model = {"source": str(tmp_path / "model"), "maxLength": 128, **adaptation}
    run(make_training(tmp_path, model=model), fresh=False, console=Console(quiet=True))
    name = "adapter_model.safetensors" if adaptation else "model.safetensors"
    weights = load_file(tmp_path / "runs/agents/demo/run-0001/final" / name)
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())
