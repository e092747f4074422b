"""
`atlas-core run` as a user starts it, and the model that came out.

The demo knows the trainer only by its command and its status file.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from desk.process import run_program


class TrainedModel(NamedTuple):
    """The model that `status.model` names."""

    folder: Path
    run: int

    @property
    def name(self) -> str:
        """Name of the run's folder; the agent's name in the traces."""
        return f"run-{self.run:04d}"


def train(manifest: Path, url: str) -> int:
    """Run `atlas-core run -f MANIFEST` on the database at *url*. Returns its exit code."""
    return run_program("atlas_core", "run", "-f", str(manifest), environment={"ATLAS_DB_URL": url})


def read_status(checkpoints: Path, name: str) -> dict[str, Any]:
    """The status that `atlas-core run` keeps beside the checkpoints."""
    status: dict[str, Any] = json.loads((checkpoints / "default" / name / "status.json").read_text())
    return status


def trained_model(status: dict[str, Any]) -> TrainedModel:
    """The newest finished model."""
    return TrainedModel(Path(status["model"]["uri"]), int(status["model"]["run"]))
