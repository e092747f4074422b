"""Whole runs with a tiny random model and real training steps: what is left behind, and when they stop early."""

import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM
from rich.console import Console
from safetensors.torch import load_file, save_file
from support.trainer.measured import make_run
from support.trainer.tiny_model import character_tokenizer
from support.trainer.trainings import export_record, make_training, write_manifest
from transformers import AutoModelForCausalLM, AutoTokenizer

from atlas_api import AtlasError, InvalidManifest
from atlas_api.errors import (
    AllTruncated,
    FlatReward,
    NotFinite,
    NothingMatched,
    NothingScored,
    WrongEndToken,
    ZeroSteps,
)
from atlas_api.pods.run_report import RunReport
from atlas_core.commands.run import run
from atlas_trainer.train import train as execute

ONE_STEP = {"maxSteps": 1, "batchSize": 8, "microBatchSize": 8}
RUN = Path("runs/agents/demo/run-0001")


def train(folder: Path, fresh: bool = False, **spec: Any) -> Path:
    """Train to the end. Returns the folder of run 1."""
    run(make_training(folder, **spec), fresh=fresh, console=Console(quiet=True))
    return folder / RUN


def status(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / RUN.parent / "status.json").read_text())
    return document


def test_a_finished_run_leaves_a_model_that_loads_in_a_fresh_process(folder: Path) -> None:
    final = train(folder) / "final"
    code = (
        "import sys; from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        "model = AutoModelForCausalLM.from_pretrained(sys.argv[1])\n"
        "tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])\n"
        "assert tokenizer.chat_template and model.generation_config.eos_token_id == [tokenizer.eos_token_id]"
    )
    subprocess.run([sys.executable, "-c", code, str(final)], check=True)
    manifest = json.loads((final / "manifest.json").read_text())
    assert manifest["step"] == 4
    assert set(manifest) >= {"files", "dataset", "base", "spec", "specHash", "versions", "metrics", "createdAt"}
    assert status(folder)["model"]["uri"] == str(final)


def test_a_training_that_was_made_anew_trains_anew_and_changes_nothing_of_the_earlier_one(folder: Path) -> None:
    earlier = make_run(folder, optimization=ONE_STEP)
    first = execute(earlier, Console(quiet=True))
    kept = {path: path.read_bytes() for path in (folder / RUN).rglob("*") if path.is_file()}
    spec = make_training(folder, optimization={**ONE_STEP, "learningRate": 5e-3}).spec
    started_at = earlier.started_at + timedelta(days=1)
    second = execute(earlier.model_copy(update={"started_at": started_at, "spec": spec}), Console(quiet=True))
    assert second.uri == first.uri.replace("run-0001", f"run-0001-{started_at:%Y%m%dT%H%M%SZ}")
    assert second.sha256 != first.sha256
    assert kept == {path: path.read_bytes() for path in (folder / RUN).rglob("*") if path.is_file()}


def test_the_trained_weights_are_fp32_and_differ_from_the_start(folder: Path) -> None:
    final = train(folder) / "final"
    before, after = load_file(folder / "model" / "model.safetensors"), load_file(final / "model.safetensors")
    assert all(weights.dtype == torch.float32 for weights in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("quantization", ["none", "nf4", "int8"])
def test_adapters_train_on_any_base_and_load_with_peft(folder: Path, quantization: str) -> None:
    model = {"source": str(folder / "model"), "maxLength": 128, "lora": {"rank": 4}, "quantization": quantization}
    final = train(folder, model=model) / "final"
    adapters = load_file(final / "adapter_model.safetensors")
    assert all(weights.dtype == torch.float32 for weights in adapters.values())
    assert any(weights.abs().sum() > 0 for name, weights in adapters.items() if "lora_B" in name)
    AutoPeftModelForCausalLM.from_pretrained(final)
    AutoModelForCausalLM.from_pretrained(final)
    AutoTokenizer.from_pretrained(final)


def test_a_second_run_stands_beside_the_first(folder: Path) -> None:
    first = train(folder)
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    train(folder)
    assert (first.parent / "run-0002" / "final" / "manifest.json").exists()
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
    assert [entry["run"] for entry in status(folder)["history"]] == [1]


def test_the_same_recipe_and_seed_give_the_same_weights(folder: Path) -> None:
    first = train(folder)
    train(folder)
    second = first.parent / "run-0002"
    name = "final/model.safetensors"
    assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_report_and_the_logs_are_written(folder: Path) -> None:
    left = train(folder)
    assert "<html" in (left / "report.html").read_text()
    assert any((left / "tensorboard").iterdir())
    steps = [json.loads(line) for line in (left / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in steps if line["kind"] == "train"] == [1, 2, 3, 4]
    assert [line["step"] for line in steps if line["kind"] == "eval"] == [0, 2, 4]
    assert sorted(path.name for path in (left / "evaluations").iterdir()) == [
        "step-000000.json",
        "step-000002.json",
        "step-000004.json",
    ]


def test_a_request_to_stop_that_comes_in_the_last_step_leaves_nothing_unmeasured(folder: Path) -> None:
    def stop(report: RunReport) -> None:
        if report.phase == "Running" and report.progress and report.progress.step == 3:
            signal.raise_signal(signal.SIGTERM)

    execute(make_run(folder), Console(quiet=True), send=stop)
    assert status(folder)["phase"] == "Succeeded"
    assert (status(folder)["run"]["outcome"], "finishedAt" in status(folder)["run"]) == ("Succeeded", True)
    assert (folder / RUN / "evaluations" / "step-000004.json").exists()
    assert "evalSuccess" in json.loads((folder / RUN / "final" / "manifest.json").read_text())["metrics"]


def test_an_attempt_that_finds_the_last_step_done_publishes_that_model_and_trains_no_more(folder: Path) -> None:
    in_mid_epoch = {"maxSteps": 3, "batchSize": 8, "microBatchSize": 8, "learningRate": 1e-3}
    for attempt in (1, 2):
        model = execute(make_run(folder, attempt=attempt, optimization=in_mid_epoch), Console(quiet=True))
        final = folder / RUN / "final"
        weights = load_file(final / "model.safetensors")
        if attempt == 1:
            first, trained = model, weights
            shutil.rmtree(final)
    assert (status(folder)["progress"]["step"], json.loads((final / "manifest.json").read_text())["step"]) == (3, 3)
    assert all(torch.equal(weights[name], trained[name]) for name in trained)
    assert model.metric == first.metric


def test_without_held_out_tasks_nothing_is_evaluated(folder: Path) -> None:
    traces = {"file": {"path": str(folder / "traces.jsonl")}, "split": {"eval": 0.0}}
    left = train(folder, traces=traces, optimization=ONE_STEP, evaluation={})
    assert not (left / "evaluations").exists()
    assert (left / "final" / "manifest.json").exists()


def test_a_kl_penalty_trains_against_the_starting_model(folder: Path) -> None:
    left = train(folder, grpo={"groupSize": 4, "maxCompletionTokens": 16, "klBeta": 0.1}, optimization=ONE_STEP)
    assert (left / "final" / "manifest.json").exists()


def file_traces(folder: Path, **changes: Any) -> dict[str, Any]:
    return {"file": {"path": str(folder / "traces.jsonl")}, "split": {"eval": 0.25}, **changes}


def test_nothing_matched_says_what_was_dropped_and_why(folder: Path) -> None:
    with pytest.raises(NothingMatched, match=r"reviewStatus.*16"):
        train(folder, traces=file_traces(folder, filter={"reviewStatus": ["quarantined"]}))
    assert status(folder)["phase"] == "Failed"


def test_too_few_tasks_for_one_step_are_refused_before_training(folder: Path) -> None:
    with pytest.raises(ZeroSteps, match="batchSize"):
        train(folder, optimization={"batchSize": 400})


def test_a_template_without_an_end_token_is_refused(folder: Path) -> None:
    tokenizer = character_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    tokenizer.save_pretrained(folder / "model")
    with pytest.raises(WrongEndToken):
        train(folder)


def test_a_run_in_which_every_completion_is_cut_stops(folder: Path) -> None:
    with pytest.raises(AllTruncated, match="maxCompletionTokens"):
        train(folder, grpo={"groupSize": 4, "maxCompletionTokens": 1, "topP": 0.1})


def test_a_run_with_the_same_reward_everywhere_stops(folder: Path) -> None:
    with pytest.raises(FlatReward, match="nothing to learn"):
        train(folder, reward={"verifiers": [{"name": "never", "regex": {"pattern": "^impossible$"}}]})


def test_a_model_whose_weights_are_not_finite_stops_the_run(folder: Path) -> None:
    path = folder / "model" / "model.safetensors"
    weights = load_file(path)
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(NotFinite, match=r"model\.source"):
        train(folder)


def test_a_run_without_any_score_stops(folder: Path) -> None:
    records = [export_record(number, final_answer="no number") for number in range(16)]
    (folder / "traces.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    with pytest.raises(NothingScored):
        train(folder, reward={"verifiers": [{"name": "answer", "numeric": {}}]})


def test_running_out_of_memory_names_the_cure(folder: Path) -> None:
    model = {"source": str(folder / "model"), "maxLength": 512}
    optimization = {"maxSteps": 1, "batchSize": 2048, "microBatchSize": 2048}
    grpo = {"groupSize": 256, "maxCompletionTokens": 256}
    write_manifest(folder, model=model, grpo=grpo, optimization=optimization)
    code = (
        "import resource, sys; import atlas_trainer.algorithms.grpo, atlas_trainer.train\n"
        "from atlas_core.main import main\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 150_000_000,) * 2)\n"
        "sys.exit(main(['run', '-f', sys.argv[1]]))"
    )
    command = [sys.executable, "-c", code, str(folder / "training.yaml")]
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1"}  # else each thread takes 64 MB of what is left
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 46, ended.stderr
    assert "microBatchSize" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"learning_rate": 1.0}, "use spec.optimization.learningRate", id="what the spec sets"),
        pytest.param({"top_kk": 5}, 'did you mean "top_k"', id="what TRL does not know"),
        pytest.param({"dataloader_num_workers": 0, "save_safetensors": True}, "no such argument", id="what TRL forgot"),
        pytest.param(
            {"steps_per_generation": 3, "generation_batch_size": 7}, "TRL refuses these", id="what TRL refuses"
        ),
    ],
)
def test_bad_trainer_args_are_refused(folder: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidManifest, match=message):
        train(folder, trainerArgs=arguments)


def test_a_failed_run_is_reported_in_status_and_report(folder: Path) -> None:
    with pytest.raises(AtlasError):
        train(folder, reward={"verifiers": [{"name": "never", "regex": {"pattern": "^impossible$"}}]})
    assert status(folder)["phase"] == "Failed"
    assert "nothing to learn" in status(folder)["message"]
    run, conditions = status(folder)["run"], {each["type"]: each for each in status(folder)["conditions"]}
    assert (run["outcome"], run["finishedAt"] >= run["startedAt"]) == ("Failed", True)
    assert conditions["Stalled"]["status"] == "True"
    assert conditions["LastRunSucceeded"]["reason"] == run["reason"]
    assert "nothing to learn" in (folder / RUN / "report.html").read_text()
