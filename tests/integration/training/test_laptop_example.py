"""The main job in small: a real model works, its sessions are recorded, the example of the README trains on them."""

from pathlib import Path
from typing import Any

import psycopg
import yaml
from transformers import AutoModelForCausalLM

from desk.recording.traces import record_traces
from desk.training import read_status, train, trained_model

EXAMPLE = Path(__file__).parents[3] / "examples" / "laptop-grpo.yaml"
SESSIONS = 24


def shortened(folder: Path, model: Path) -> Path:
    """The example with one step of two groups, in a folder of its own."""
    document: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    spec = document["spec"]
    spec["model"]["source"] = str(model)
    spec["evaluation"]["samples"] = 4
    spec["optimization"] |= {"maxSteps": 1, "batchSize": 16, "microBatchSize": 16}
    spec["checkpoints"] |= {"local": {"path": str(folder / "checkpoints")}}
    path = folder / "training.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_laptop_example_trains_the_real_model_on_recorded_sessions(
    tmp_path: Path, smollm2: Path, database_url: str
) -> None:
    with psycopg.connect(database_url) as connection:
        record_traces(connection, smollm2, "base", SESSIONS, lambda done, total: None)
    assert train(shortened(tmp_path, smollm2), database_url) == 0

    status = read_status(tmp_path / "checkpoints", "order-desk")
    assert (status["phase"], status["progress"]["step"]) == ("Succeeded", 1)
    assert status["dataset"]["used"] + sum(status["dataset"]["dropped"].values()) == SESSIONS
    assert {"baselineSuccess", "evalSuccess"} <= set(status["metrics"])
    AutoModelForCausalLM.from_pretrained(trained_model(status).folder)
