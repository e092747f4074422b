"""The final model of a LoRA run is where the next run starts: its adapters, on their base."""

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from rich.console import Console
from safetensors.torch import load_file, save_file
from support.trainer.measured import make_run
from support.trainer.tiny_model import save_tiny_model
from support.trainer.trainings import make_training, write_export, write_manifest

from atlas_api.errors import Preempted
from atlas_api.pods.run_report import RunReport
from atlas_core.commands.run import run
from atlas_core.main import main
from atlas_rewards.trl.training_reward import build_reward
from atlas_trainer.algorithms import grpo
from atlas_trainer.dataset.model_source import find_model
from atlas_trainer.dataset.rows import Row
from atlas_trainer.distributed.process_group import ProcessGroup
from atlas_trainer.models.checks import check_model
from atlas_trainer.train import train as execute

RUNS = Path("runs/agents/demo")
ADAPTERS = "adapter_model.safetensors"
LORA = {"rank": 4, "alpha": 8}
OPTIMIZATION = {"maxSteps": 4, "batchSize": 8, "microBatchSize": 8, "learningRate": 1e-2}


def model_of(source: Path, **changes: Any) -> dict[str, Any]:
    return {"source": str(source), "maxLength": 128, "lora": LORA, **changes}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a LoRA run left, beside its base `model` and its traces. To be read only."""
    folder = tmp_path_factory.mktemp("first")
    save_tiny_model(folder / "model")
    write_export(folder)
    training = make_training(folder, model=model_of(folder / "model"), optimization=OPTIMIZATION)
    run(training, fresh=False, console=Console(quiet=True))
    return folder / RUNS / "run-0001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with sixteen sessions, for the next run."""
    write_export(tmp_path)
    return tmp_path


@pytest.fixture
def adapters(first_run: Path, folder: Path) -> Path:
    """A copy of the final model of the first run."""
    return shutil.copytree(first_run / "final", folder / "adapters")


def evaluation(left: Path, step: int) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((left / "evaluations" / f"step-{step:06d}.json").read_text())
    return result


def completions(left: Path, step: int) -> list[str]:
    return [sample["completion"] for sample in evaluation(left, step)["samples"]]


@pytest.mark.parametrize("quantization", ["none", "nf4"])
def test_training_starts_from_their_weights(adapters: Path, folder: Path, quantization: str) -> None:
    spec = make_training(folder, model=model_of(adapters, quantization=quantization)).spec
    source = find_model(spec.model)
    tokenizer, _ = check_model(spec.model, source)
    rows = [
        Row(session_id="1", turn=0, task="t", prompt=({"role": "user", "content": "t"},), reference="a", recorded="a")
    ] * 2
    trainer = grpo.build_trainer(
        spec,
        source,
        tokenizer,
        rows,
        reward=build_reward(spec.reward, "agents"),
        folder=folder / "work",
        process_group=ProcessGroup(),
    )
    saved = load_file(adapters / ADAPTERS)
    trained = {name: weights for name, weights in trainer.model.named_parameters() if weights.requires_grad}
    assert len(trained) == len(saved)
    for name, weights in saved.items():
        assert torch.equal(trained[name.replace(".weight", ".default.weight")], weights)
    if quantization == "none":
        ids = torch.arange(12).unsqueeze(0)
        expected = AutoPeftModelForCausalLM.from_pretrained(adapters)(ids).logits
        assert torch.equal(trainer.model(ids).logits, expected)


def test_the_next_run_measures_first_what_the_first_one_ended_with(
    first_run: Path, adapters: Path, folder: Path
) -> None:
    run(
        make_training(folder, model=model_of(adapters), optimization=OPTIMIZATION),
        fresh=False,
        console=Console(quiet=True),
    )
    second = folder / RUNS / "run-0001"
    assert completions(second, 0) == completions(first_run, 4)
    trained, before = load_file(second / "final" / ADAPTERS), load_file(adapters / ADAPTERS)
    assert any(not torch.equal(trained[name], before[name]) for name in before)
    settings = json.loads((second / "final" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == str(first_run.parents[3] / "model")
    assert (settings["r"], settings["lora_alpha"]) == (4, 8)
    AutoPeftModelForCausalLM.from_pretrained(second / "final")


@pytest.mark.parametrize("kl_beta", [0.0, 0.1])
def test_an_interrupted_run_ends_with_the_weights_of_an_undisturbed_one(
    adapters: Path, folder: Path, kl_beta: float
) -> None:
    spec: dict[str, Any] = {
        "model": model_of(adapters),
        "optimization": OPTIMIZATION,
        "grpo": {"groupSize": 4, "maxCompletionTokens": 16, "klBeta": kl_beta},
    }

    def stop(report: RunReport) -> None:
        if report.phase == "Running" and report.progress and report.progress.step == 1:
            signal.raise_signal(signal.SIGTERM)

    execute(make_run(folder, number=1, **spec), Console(quiet=True))
    with pytest.raises(Preempted):
        execute(make_run(folder, number=2, **spec), Console(quiet=True), send=stop)
    execute(make_run(folder, number=2, attempt=2, **spec), Console(quiet=True))
    whole, continued = (load_file(folder / RUNS / name / "final" / ADAPTERS) for name in ("run-0001", "run-0002"))
    assert all(torch.equal(whole[name], continued[name]) for name in whole)
    assert not [path for path in (folder / RUNS).rglob("ref") if path.is_dir()]


def forget_base(adapters: Path) -> None:
    edit(adapters, base_model_name_or_path="/nowhere/base")


def edit(adapters: Path, **changes: Any) -> None:
    path = adapters / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def cut(adapters: Path) -> None:
    path = adapters / ADAPTERS
    path.write_bytes(path.read_bytes()[:-10])


def strange(adapters: Path) -> None:
    weights = {name: tensor.clone() for name, tensor in load_file(adapters / ADAPTERS).items()}
    save_file({**weights, "lm_head.weight": torch.zeros(2, 2)}, adapters / ADAPTERS)


def widen(adapters: Path) -> None:
    weights = {name: tensor.clone() for name, tensor in load_file(adapters / ADAPTERS).items()}
    name = next(name for name in weights if "lora_A" in name)
    save_file({**weights, name: torch.zeros(4, 32)}, adapters / ADAPTERS)


@pytest.mark.parametrize(
    ("lora", "break_it", "message"),
    [
        pytest.param(None, None, r"add model\.lora: \{rank: 4, alpha: 8\}", id="without lora"),
        pytest.param({"rank": 8, "alpha": 8}, None, r"spec\.model\.lora\.rank: 8, but .* have 4", id="another rank"),
        pytest.param({}, None, r"lora\.rank: 16.* have 4.*lora\.alpha: 32.* have 8", id="defaults"),
        pytest.param(
            {**LORA, "targets": ["q_proj"]}, None, r"lora\.targets: .* some on down_proj, gate_proj", id="fewer targets"
        ),
        pytest.param(LORA, forget_base, r"base of these adapters, /nowhere/base: no such folder; put", id="base gone"),
        pytest.param(
            LORA, lambda it: edit(it, base_model_name_or_path=None), r"names no base: write its folder", id="no base"
        ),
        pytest.param(LORA, lambda it: edit(it, peft_type="IA3"), r"is of 'IA3'; only LORA", id="not LoRA"),
        pytest.param(
            LORA, lambda it: edit(it, base_model_name_or_path=str(it)), r"holds adapters itself", id="its own base"
        ),
        pytest.param(
            LORA,
            lambda it: edit(it, base_model_name_or_path="/" + "x" * 5000),
            r"no such folder; put",
            id="base too long",
        ),
        pytest.param(
            LORA, lambda it: edit(it, base_model_name_or_path="/x\x1b[31m\0"), r"no such folder; put", id="odd base"
        ),
        pytest.param(LORA, lambda it: edit(it, task_type="SEQ_CLS"), r"is for 'SEQ_CLS'; only CAUSAL_LM", id="task"),
        pytest.param(LORA, strange, r"no plain LoRA, which alone .* they hold lm_head\.weight", id="whole modules"),
        pytest.param(LORA, cut, r"adapter_model\.safetensors is cut", id="weights cut"),
        pytest.param(LORA, lambda it: (it / ADAPTERS).unlink(), r"holds no weights \(adapter_model", id="no weights"),
        pytest.param(LORA, widen, r"do not fit their base: .*lora_A.* is \[4, 32\], and \[4, 128\]", id="another base"),
        pytest.param(
            LORA, lambda it: (it / "adapter_config.json").write_text("{"), r"adapter_config\.json is no JSON", id="torn"
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_sessions_are_read(
    lora: Any, break_it: Any, message: str, *, adapters: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if break_it:
        break_it(adapters)
    (folder / "traces.jsonl").unlink()
    assert main(["run", "-f", str(write_manifest(folder, model=model_of(adapters, lora=lora)))]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert "traces" not in printed
    assert "\x1b" not in printed
    assert re.search(message, printed), printed
