"""Factories of an AtlasTraining that trains in seconds, and the export that it reads."""

import json
from pathlib import Path
from typing import Any

import yaml

from atlas_api import AtlasTraining, parse

Document = dict[str, Any]


def training_document(folder: Path, **spec: Any) -> Document:
    """A manifest that reads `folder/traces.jsonl`, trains `folder/model`, saves below `folder/runs`.

    Keywords replace whole parts of the spec.
    """
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "AtlasTraining",
        "metadata": {"name": "demo", "namespace": "agents"},
        "spec": {
            "model": {"source": str(folder / "model"), "maxLength": 128},
            "traces": {"file": {"path": str(folder / "traces.jsonl")}, "split": {"eval": 0.25}},
            "grpo": {"groupSize": 4, "maxCompletionTokens": 16},
            "reward": {"verifiers": [{"name": "close", "referenceSimilarity": {}}]},
            "evaluation": {"everySteps": 2},
            "optimization": {"maxSteps": 4, "batchSize": 8, "microBatchSize": 8, "learningRate": 1e-3},
            "checkpoints": {"local": {"path": str(folder / "runs")}, "everySteps": 2},
            **spec,
        },
    }


def make_training(folder: Path, **spec: Any) -> AtlasTraining:
    """Parse `training_document`."""
    return parse(AtlasTraining, training_document(folder, **spec))


def write_manifest(folder: Path, **spec: Any) -> Path:
    """Write `training_document` as a file for the command line."""
    path = folder / "training.yaml"
    path.write_text(yaml.safe_dump(training_document(folder, **spec)))
    return path


def export_record(number: int, **fields: Any) -> Document:
    """One line of an export: a session that was approved and answered its task."""
    return {
        "task": f"Order {number} has {number % 7} lamps and {number % 5} cups",
        "final_answer": f"{number % 7 + number % 5} items",
        "plan": {},
        "steps": [],
        "session_metadata": {
            "session_id": number,
            "status": "succeeded",
            "created_at": f"2026-10-{number % 28 + 1:02d}T00:00:00+00:00",
        },
        "review_status": "approved",
        **fields,
    }


def write_export(folder: Path, count: int = 16) -> Path:
    """Write `traces.jsonl` with *count* sessions."""
    path = folder / "traces.jsonl"
    path.write_text("".join(json.dumps(export_record(number)) + "\n" for number in range(count)))
    return path
