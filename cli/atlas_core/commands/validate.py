"""`atlas-core validate`: everything that can be known about a manifest without reading traces or loading a model."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from atlas_api import InvalidManifest, load_manifest
from atlas_api.manifest.parse import read_document
from atlas_api.training.reward import Reward


def validate(files: Sequence[Path], console: Console) -> int:
    """Print one line a problem, or `ok`, for each file. Returns the exit code: 0 when all are good, else 2."""
    found = {file: _problems(file) for file in files}
    for file, problems in found.items():
        for problem in problems:
            console.print(f"{file}: {problem}", style="red", markup=False, highlight=False, soft_wrap=True)
        if not problems:
            console.print(f"{file}: ok", markup=False, highlight=False, soft_wrap=True)
    return InvalidManifest.exit_code if any(found.values()) else 0


def _problems(file: Path) -> list[str]:
    try:
        if _kind(file) == "RewardService":
            _load_service(file)
        else:
            _build(load_manifest(file).spec.reward)
    except InvalidManifest as error:
        return error.problems
    return []


def _kind(file: Path) -> object:
    """`kind` of the document in *file*. None for a file that cannot be read: whoever loads it says why."""
    try:
        return read_document(file, "manifest").get("kind")
    except InvalidManifest:
        return None


def _load_service(file: Path) -> None:
    """Load a RewardService, verifiers included. Asks no model. Raises `InvalidManifest`."""
    from atlas_rewards.configuration import load_configuration
    from atlas_rewards.scorer import verifiers_of

    verifiers_of(load_configuration(file).spec)


def _build(reward: Reward) -> None:
    """Build what can be built without a model. Raises `InvalidManifest`."""
    from atlas_rewards import build_scorer
    from atlas_rewards.client.service_address import check_address
    from atlas_rewards.configuration import load_configuration

    if reward.verifiers:
        build_scorer(reward)
    if reward.service_ref and reward.service_ref.url:
        check_address(reward.service_ref.url)
    if reward.service_ref and reward.service_ref.file:
        try:
            load_configuration(Path(reward.service_ref.file).expanduser())
        except InvalidManifest as error:
            raise InvalidManifest([f"spec.reward.serviceRef.file: {line}" for line in error.problems]) from None
