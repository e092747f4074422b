"""
The configuration of an ATLAS reward system (`rim:` in a YAML file), as a RewardService.

Everything in it that means something is used, also what ATLAS itself never read: consistency bounds, anti-gaming,
token limits. Models are named as LiteLLM names them, `provider/model`.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atlas_api.errors import InvalidManifest
from atlas_api.manifest.parse import parse, read_document
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec

_log = logging.getLogger(__name__)

_JUDGES = ("accuracy", "helpfulness", "process", "diagnostic")
_PROVIDERS = {
    "anthropic": ("https://api.anthropic.com/v1", "ANTHROPIC_API_KEY"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
}
"""OpenAI-compatible address of a provider, and the variable that holds its key."""

_MODELS = {"small": "gemini/gemini-2.5-flash", "large": "gemini/gemini-2.5-pro"}
_MAX_TOKENS = 32768
_NEVER_MEANT_ANYTHING = ("contradiction_penalty", "safety_violation_penalty")


def load_rim_config(file: Path, environment: Mapping[str, str] = os.environ) -> RewardServiceSpec:
    """The configuration in *file*: of ATLAS (`rim:`), or a RewardService manifest. Raises `InvalidManifest`.

    `OPENAI_BASE_URL` in *environment* redirects models of the provider `openai`, or of none, to another server.
    """
    try:
        document = read_document(file, "RewardService")
    except InvalidManifest as invalid:
        cure = "give the path of a RewardService manifest or of an ATLAS configuration"
        raise InvalidManifest([f"{file}: {problem}; {cure}" for problem in invalid.problems]) from None
    if document.get("kind") == "RewardService":
        return parse(RewardService, document).spec
    rim = document.get("rim")
    if not isinstance(rim, dict):
        raise InvalidManifest([f"{file}: has neither `rim:` nor `kind: RewardService`"])
    return parse(RewardServiceSpec, _spec(rim, environment))


def _spec(rim: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    temperatures = rim.get("temperatures", [0.2, 0.5, 0.8])
    if not isinstance(temperatures, list):
        raise InvalidManifest(["rim.temperatures: must be a list of numbers"])
    workers = _part(rim, "parallel_execution").get("max_workers", 8)
    if type(workers) is not int:
        raise InvalidManifest(["rim.parallel_execution.max_workers: must be a whole number"])
    return {
        "judges": [{"name": name, "rubric": name} for name in _JUDGES if _part(rim, "active_judges").get(name, True)],
        "models": {size: _model(rim, size, environment) for size in _MODELS},
        "temperatures": temperatures,
        "escalation": {
            "scoreStd": rim.get("variance_threshold", 0.15),
            "uncertainty": rim.get("uncertainty_threshold", 0.3),
        },
        "consistency": _consistency(_part(rim, "consistency_rules")),
        "antiGaming": _named(_part(rim, "anti_gaming"), {"enabled": "enabled", "cap_score": "capScore"}),
        # A worker there is a judge, which asks at all temperatures at once.
        "concurrency": workers * len(temperatures),
    }


def _part(rim: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = rim.get(name)
    return part if isinstance(part, dict) else {}


def _model(rim: Mapping[str, Any], size: str, environment: Mapping[str, str]) -> dict[str, Any]:
    name = str(_part(rim, "models").get(f"{size}_model", _MODELS[size]))
    provider, _, model = name.partition("/") if "/" in name else ("openai", "", name)
    if provider not in _PROVIDERS:
        raise InvalidManifest(
            [f"rim.models.{size}_model: the provider of {name!r} is not known; write a RewardService with its baseUrl"]
        )
    url, variable = _PROVIDERS[provider]
    elsewhere = environment.get("OPENAI_BASE_URL") if provider == "openai" else None
    key = {"apiKeyFrom": {"env": variable}} if elsewhere is None or variable in environment else {}
    settings = _part(_part(rim, "model_configs"), "default" if size == "small" else "large")
    as_json = {"response_format": {"type": "json_object"}} if settings.get("response_format") == "json" else {}
    return {
        "model": model,
        "baseUrl": elsewhere or url,
        "maxTokens": settings.get("max_tokens", _MAX_TOKENS),
        "extra": as_json,
        **key,
    }


def _consistency(rules: Mapping[str, Any]) -> dict[str, Any]:
    for name in _NEVER_MEANT_ANYTHING:
        if name in rules:
            _log.warning("rim.consistency_rules.%s has no effect: no rule uses it", name)
    return _named(
        rules,
        {
            "alignment_completeness_bound": "processAboveAccuracy",
            "completeness_helpfulness_threshold": "goodProcess",
            "understanding_helpfulness_bound": "helpfulnessAboveDiagnostic",
        },
    )


def _named(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {wire: settings[name] for name, wire in names.items() if name in settings}
