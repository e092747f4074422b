"""A run that `trainerArgs.report_to` sends to Weights & Biases, a fake of its package in place of the real one."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import support.trainer
from support.trainer.trainings import write_manifest

FAKE = next(Path(folder) / "fake_wandb" for folder in support.trainer.__path__)
KEY = "not-a-real-key-0123456789"


def execute(folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    optimization = {"maxSteps": 2, "batchSize": 8, "microBatchSize": 8}
    arguments = {"report_to": "wandb", "run_name": "orders"}
    manifest = write_manifest(folder, optimization=optimization, evaluation={}, trainerArgs=arguments)
    environment = {**os.environ, "FAKE_WANDB": str(folder / "told"), "NETRC": str(folder / "no-netrc"), **variables}
    path = os.pathsep.join([str(FAKE), *sys.path])
    command = [sys.executable, "-m", "atlas_core", "run", "-f", str(manifest)]
    return subprocess.run(
        command, env={**environment, "PYTHONPATH": path}, cwd=folder, capture_output=True, text=True, check=False
    )


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "told").read_text().splitlines()]


def test_it_gets_the_numbers_of_every_step_and_no_secret(folder: Path) -> None:
    ended = execute(folder, WANDB_API_KEY=KEY, WANDB_PROJECT="desk")
    assert ended.returncode == 0, ended.stderr
    events = told(folder)
    assert events[0] == {"init": {"project": "desk", "name": "orders"}, "key": True}
    steps = [event["log"]["train/global_step"] for event in events if "train/reward" in event.get("log", {})]
    assert steps == [1, 2]
    assert KEY not in (folder / "told").read_text() + ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("key", "code", "cure"), [("wrong", 21, "correct its key"), ("nobody listens", 20, "start again")]
)
def test_a_tracker_that_takes_no_numbers_is_named(folder: Path, key: str, code: int, cure: str) -> None:
    ended = execute(folder, WANDB_API_KEY=key)
    assert ended.returncode == code
    assert "spec.trainerArgs.report_to: " in ended.stderr
    assert cure in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_key_nothing_is_read_and_nobody_asked(folder: Path) -> None:
    (folder / "traces.jsonl").unlink()
    ended = execute(folder, WANDB_API_KEY="")
    assert ended.returncode == 2
    assert "spec.trainerArgs.report_to: wandb has no key: set WANDB_API_KEY" in ended.stderr
    assert not (folder / "told").exists()
