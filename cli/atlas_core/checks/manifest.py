"""What is known about a manifest by itself, verifiers and names of arguments included. Runs none of the user's code."""

import json
from difflib import get_close_matches
from pathlib import Path

from atlas_api import AtlasTraining, InvalidManifest, parse
from atlas_api.manifest import trainer_args
from atlas_api.manifest.parse import KINDS, read_document
from atlas_api.manifest.paths import expanded
from atlas_api.rewardservice.spec import RewardService
from atlas_api.training.reward import Reward, ServiceRef
from atlas_core.checks.findings import Findings

_SHOWN = 60
SERVICE_FILE = "spec.reward.serviceRef.file"
_LOOKS_DEEPER = "`atlas-core validate --import` looks deeper, and runs it"


def read_manifest(file: Path, wanted: str = "manifest") -> AtlasTraining | RewardService:
    """The object in *file*, of the kind *wanted*; left out: of any. Raises `InvalidManifest`."""
    document = read_document(file, wanted)
    if _likely_kind(document.get("kind")) == "RewardService":
        return parse(RewardService, document)
    return parse(AtlasTraining, document)


def _likely_kind(kind: object) -> str | None:
    """The kind that *kind* is, or was meant to be. Raises `InvalidManifest` for a text that is far from any."""
    if not isinstance(kind, str):
        return None
    close = get_close_matches(kind[:_SHOWN].lower(), [each.lower() for each in KINDS], n=1)
    if not close:
        known = " or ".join(f'"{each}"' for each in KINDS)
        raise InvalidManifest([f"kind: {json.dumps(kind[:_SHOWN])} is not {known}"])
    return next(each for each in KINDS if each.lower() == close[0])


def check_manifest(manifest: AtlasTraining | RewardService, *, importing: bool) -> Findings:
    """What is wrong with *manifest*; where *importing*, after the user's own functions were imported."""
    if isinstance(manifest, RewardService):
        return _service(manifest, importing=importing)
    findings = Findings()
    findings.problems += trainer_args.problems_in(manifest.spec.trainer_args)
    reward = manifest.spec.reward
    if reward.verifiers:
        findings.notes += findings.look(lambda: _verifiers(reward, importing=importing)) or []
    if reward.service_ref is not None:
        _service_ref(reward.service_ref, findings, importing=importing)
    return findings


def service_of(named: ServiceRef) -> RewardService | None:
    """The RewardService whose manifest *named* points to; None when it points elsewhere. Raises `InvalidManifest`."""
    from atlas_rewards.configuration import load_configuration

    return None if named.file is None else load_configuration(expanded(named.file))


def _service_ref(named: ServiceRef, findings: Findings, *, importing: bool) -> None:
    from atlas_rewards.client.service_address import check_address

    url = named.url
    if url is not None:
        findings.look(lambda: check_address(url))
    service = findings.look(lambda: service_of(named), SERVICE_FILE)
    if service is not None:
        findings.take(_service(service, importing=importing), SERVICE_FILE)


def _service(service: RewardService, *, importing: bool) -> Findings:
    from atlas_rewards.scorer import doubts_about_verifiers, verifiers_of

    def verifiers() -> list[str]:
        if importing:
            verifiers_of(service.spec)
            return []
        return _deeper(doubts_about_verifiers(service.spec))

    findings = Findings()
    findings.notes += findings.look(verifiers) or []
    return findings


def _verifiers(reward: Reward, *, importing: bool) -> list[str]:
    from atlas_rewards.verifiers.weighted_mean import build_scorer, doubts_about

    if importing:
        build_scorer(reward)
        return []
    return _deeper(doubts_about(reward))


def _deeper(doubts: list[str]) -> list[str]:
    return [f"{doubt}; {_LOOKS_DEEPER}" for doubt in doubts]
