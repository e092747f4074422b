"""
The configuration of an ATLAS reward system (`rim:` in a YAML file), as a RewardService.

Everything in it that means something is used, also what ATLAS itself never read: consistency bounds, anti-gaming,
token limits. Models are named as LiteLLM names them, `provider/model`. A name that means nothing is a mistake.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atlas_api.errors import InvalidManifest
from atlas_api.manifest.parse import parse, read_document
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec
from atlas_rewards.compat.rim_models import UnknownProviderError, model_address

_log = logging.getLogger(__name__)

_JUDGES = ("accuracy", "helpfulness", "process", "diagnostic")
_MODELS = {"small": "gemini/gemini-2.5-flash", "large": "gemini/gemini-2.5-pro"}
_MAX_TOKENS = 32768
_NEVER_MEANT_ANYTHING = ("contradiction_penalty", "safety_violation_penalty")
_CONSISTENCY = {
    "alignment_completeness_bound": "processAboveAccuracy",
    "completeness_helpfulness_threshold": "goodProcess",
    "understanding_helpfulness_bound": "helpfulnessAboveDiagnostic",
}
_ANTI_GAMING = {"enabled": "enabled", "cap_score": "capScore"}
_MODEL_SETTINGS = ("max_tokens", "response_format")
_NAMES = {
    "rim": (
        "temperatures",
        "variance_threshold",
        "uncertainty_threshold",
        "models",
        "active_judges",
        "parallel_execution",
        "model_configs",
        "consistency_rules",
        "anti_gaming",
    ),
    "rim.models": ("small_model", "large_model"),
    "rim.active_judges": _JUDGES,
    "rim.parallel_execution": ("max_workers",),
    "rim.model_configs": ("default", "large"),
    "rim.model_configs.default": _MODEL_SETTINGS,
    "rim.model_configs.large": _MODEL_SETTINGS,
    "rim.consistency_rules": (*_CONSISTENCY, *_NEVER_MEANT_ANYTHING),
    "rim.anti_gaming": tuple(_ANTI_GAMING),
}
"""Names that there are, by where they stand."""


def load_rim_config(file: Path, environment: Mapping[str, str] = os.environ) -> RewardServiceSpec:
    """The configuration in *file*: of ATLAS (`rim:`), or a RewardService manifest. Raises `InvalidManifest`.

    Variables in *environment* say where providers are, as `rim_models` reads them.
    """
    try:
        document = read_document(file, "RewardService")
    except InvalidManifest as invalid:
        cure = "give the path of a RewardService manifest or of an ATLAS configuration"
        raise InvalidManifest([f"{file}: {problem}; {cure}" for problem in invalid.problems]) from None
    if document.get("kind") == "RewardService":
        return parse(RewardService, document).spec
    if not isinstance(document.get("rim"), dict):
        raise InvalidManifest([f"{file}: has neither `rim:` nor `kind: RewardService`"])
    return parse(RewardServiceSpec, _spec(_part(document, "rim"), environment))


def _spec(rim: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    temperatures = rim.get("temperatures", [0.2, 0.5, 0.8])
    if not isinstance(temperatures, list):
        raise InvalidManifest(["rim.temperatures: must be a list of numbers"])
    workers = _part(rim, "rim.parallel_execution").get("max_workers", 8)
    if type(workers) is not int:
        raise InvalidManifest(["rim.parallel_execution.max_workers: must be a whole number"])
    return {
        "judges": [{"name": name, "rubric": name} for name in _active(rim)],
        "models": {size: _model(rim, size, environment) for size in _MODELS},
        "temperatures": temperatures,
        "escalation": {
            "scoreStd": rim.get("variance_threshold", 0.15),
            "uncertainty": rim.get("uncertainty_threshold", 0.3),
        },
        "consistency": _consistency(_part(rim, "rim.consistency_rules")),
        "antiGaming": _named(_part(rim, "rim.anti_gaming"), _ANTI_GAMING),
        # A worker there is a judge, which asks at all temperatures at once.
        "concurrency": workers * len(temperatures),
    }


def _part(whole: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The mapping at *where*, the last word of which names it in *whole*; empty where it is left out.

    Raises InvalidManifest for a name in it that does not exist: whoever wrote it expects that it does something.
    """
    part = whole.get(where.rpartition(".")[2])
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise InvalidManifest([f"{where}: must be a mapping; there are {_listed(_NAMES[where])}"])
    if unknown := [name for name in part if name not in _NAMES[where]]:
        raise InvalidManifest(
            [f"{where}.{name}: there is no such name; there are {_listed(_NAMES[where])}" for name in unknown]
        )
    return part


def _active(rim: Mapping[str, Any]) -> list[str]:
    """The judges that are on: those that `active_judges` sets to true, and all where it is left out."""
    where = "rim.active_judges"
    marks = _part(rim, where)
    if "active_judges" not in rim or rim["active_judges"] is None:
        return list(_JUDGES)
    if wrong := [name for name, mark in marks.items() if type(mark) is not bool]:
        raise InvalidManifest([f"{where}.{name}: must be true or false" for name in wrong])
    active = [name for name in _JUDGES if marks.get(name)]
    if not active:
        raise InvalidManifest([f"{where}: no judge is on; set one at least of {_listed(_JUDGES)} to true"])
    return active


def _model(rim: Mapping[str, Any], size: str, environment: Mapping[str, str]) -> dict[str, Any]:
    name = _part(rim, "rim.models").get(f"{size}_model", _MODELS[size])
    if not isinstance(name, str) or not name:
        raise InvalidManifest([f"rim.models.{size}_model: must be the name of a model, like {_MODELS[size]}"])
    part = "default" if size == "small" else "large"
    settings = _part(_part(rim, "rim.model_configs"), f"rim.model_configs.{part}")
    as_json = {"response_format": {"type": "json_object"}} if settings.get("response_format") == "json" else {}
    try:
        address = model_address(name, environment)
    except UnknownProviderError as unknown:
        raise InvalidManifest([f"rim.models.{size}_model: {unknown}"]) from None
    return {**address, "maxTokens": settings.get("max_tokens", _MAX_TOKENS), "extra": as_json}


def _consistency(rules: Mapping[str, Any]) -> dict[str, Any]:
    for name in _NEVER_MEANT_ANYTHING:
        if name in rules:
            _log.warning("rim.consistency_rules.%s has no effect: no rule uses it", name)
    return _named(rules, _CONSISTENCY)


def _named(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {wire: settings[name] for name, wire in names.items() if name in settings}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
