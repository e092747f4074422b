"""Reads the RewardService manifest, the one configuration of library, service and commands."""

from pathlib import Path

from atlas_api.manifest.parse import parse, read_document
from atlas_api.rewardservice.spec import RewardService


def load_configuration(file: Path) -> RewardService:
    """The RewardService in *file*. Raises `InvalidManifest`, also when it cannot be read; the caller names it."""
    return parse(RewardService, read_document(file, "RewardService"))
