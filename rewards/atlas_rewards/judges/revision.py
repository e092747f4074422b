"""Revision of a configuration: a digest that says which one scored an item. Pure."""

import hashlib
import json
from typing import Any

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.judges.rubric import rubric_of, rubric_text

_NOT_THE_SCORE: dict[str, Any] = {
    "budget": True,
    "cache": True,
    "circuit_breaker": True,
    "concurrency": True,
    "env": True,
    "hedge_after": True,
    "image": True,
    "image_pull_secrets": True,
    "limits": True,
    "node_selector": True,
    "replicas": True,
    "resources": True,
    "retries": True,
    "timeouts": True,
    "token_from": True,
    "tolerations": True,
    "volumes": True,
    "models": {"small": {"api_key_from"}, "large": {"api_key_from"}},
}
_PROTOCOL = ("common", "verdict", "ranking", "review")


def revision_of(spec: RewardServiceSpec) -> str:
    """16 hex digits over all of the configuration that can change a score: every value that holds, given or default,
    and all rubrics' texts. The code of a `python` verifier is not in it, nor where that comes from.

    `baseUrl` counts, since the same name may be another model at another address. How fast and how often judges are
    called, and with which keys, does not: it decides whether there is a score, never which.
    """
    texts = [rubric_text(f"protocol/{name}") for name in _PROTOCOL] + [rubric_of(judge).text for judge in spec.judges]
    document = spec.model_dump(mode="json", by_alias=True, exclude=_NOT_THE_SCORE)
    return hashlib.sha256(json.dumps([document, texts], sort_keys=True).encode()).hexdigest()[:16]
