"""Rewards as a manifest writes them, made into scorers."""

from typing import Any

from atlas_api import parse
from atlas_api.training.reward import Reward
from atlas_rewards import Item, Score, Scorer, build_scorer


def scorer_of(*verifiers: dict[str, Any], **weights: float) -> Scorer:
    """A scorer of unnamed verifiers, called `v0`, `v1`, ... in order."""
    return build_scorer(reward_of(*verifiers, **weights))


def reward_of(*verifiers: dict[str, Any], **weights: float) -> Reward:
    """A reward of unnamed verifiers, called `v0`, `v1`, ... in order."""
    named = [{"name": f"v{index}", **verifier} for index, verifier in enumerate(verifiers)]
    return parse(Reward, {"verifiers": named, "weights": weights})


def score_of(verifier: dict[str, Any], completion: str, reference: str | None = None, **metadata: str) -> Score:
    """What one verifier says about one completion."""
    return scorer_of(verifier).score(Item(completion, reference, metadata=metadata))
