"""`atlas-core validate`: everything that can be known about a manifest without reading traces or loading a model."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from atlas_api import AtlasTraining, InvalidManifest, parse
from atlas_api.manifest.parse import read_document
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec
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
        document = read_document(file, "manifest")
        if document.get("kind") == "RewardService":
            _build_service(parse(RewardService, document).spec)
        else:
            _build(parse(AtlasTraining, document).spec.reward)
    except InvalidManifest as error:
        return error.problems
    return []


def _build_service(spec: RewardServiceSpec) -> None:
    """Build the verifiers of a RewardService. Asks no model. Raises `InvalidManifest`."""
    from atlas_rewards.scorer import verifiers_of

    verifiers_of(spec)


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
