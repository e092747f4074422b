"""
The manifest of a checkpoint: which files it has, and what is known of it. Read as what it is, whoever wrote it.

    {"version": 1, "step": 50, "files": {"model.safetensors": {"bytes": 1234, "sha256": "..."}}, "metrics": {...}, ...}
"""

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atlas_api.inputs.budgets import CHECKPOINT_MANIFEST, decode_json
from atlas_trainer.storage.file_list import DamagedError, Files, first_problem

MANIFEST = "manifest.json"
"""Name of the file."""

_MOST_STEPS = 10**12


class _Dataset(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)

    digest: str | None = Field(None, max_length=64)


class CheckpointManifest(BaseModel):
    """What of a manifest is believed. It says more, for people."""

    model_config = ConfigDict(strict=True, frozen=True)

    version: Literal[1]
    """Form of the manifest."""

    step: int = Field(ge=0, le=_MOST_STEPS)
    """Optimizer steps done."""

    files: Files
    """All files of the checkpoint but the manifest."""

    metrics: dict[str, float] = {}
    """Numbers of the evaluation at this step."""

    dataset: _Dataset = _Dataset()
    """The dataset that it was trained on."""

    @property
    def dataset_digest(self) -> str | None:
        """Digest of that dataset. None: not said."""
        return self.dataset.digest


def read_manifest(data: bytes) -> CheckpointManifest:
    """The manifest in *data*. Raises `DamagedError` for anything else."""
    try:
        manifest = CheckpointManifest.model_validate(decode_json(data, CHECKPOINT_MANIFEST))
    except ValidationError as error:
        raise DamagedError(f"{MANIFEST} is damaged: {first_problem(error)}") from None
    except ValueError as error:
        raise DamagedError(f"{MANIFEST} is damaged: {error}") from None
    if MANIFEST in manifest.files:
        raise DamagedError(f"{MANIFEST} is damaged: it lists itself")
    return manifest


def sha256_of_manifest(data: bytes) -> str:
    """SHA-256 by which a checkpoint is known, in hex: its manifest has that of every file."""
    return hashlib.sha256(data).hexdigest()
