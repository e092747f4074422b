"""
One score for one completion: the weighted mean of the verifiers that could say something.

Knows nothing about training, datasets or where texts come from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum

from atlas_api.errors import InvalidManifest
from atlas_api.training.reward import Reward
from atlas_rewards.item import Item
from atlas_rewards.verifiers import MAX_CHARACTERS, Outcome, Unknown, Unusable, Verify, build_verifier

SUCCESS = 0.8
"""A task succeeds when its reward is at least this."""


@dataclass(frozen=True, slots=True)
class Score:
    """What is known about one completion."""

    value: float | None
    """Weighted mean over the verifiers that gave a number, 0 to 1. None when none did; never 0 for "unknown"."""

    parts: Mapping[str, float | None] = field(default_factory=dict)
    """What each verifier gave, by name."""

    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a verifier gave nothing, by name."""


@dataclass(frozen=True, slots=True)
class _WeightedVerifier:
    """A verifier ready to call."""

    name: str
    weight: float
    """Relative to the heaviest, so that a sum of weights never overflows."""

    verify: Verify
    reads_text: bool


class Scorer:
    """Scores items one by one. Deterministic as long as the user's own functions are; safe to share between threads."""

    def __init__(self, verifiers: tuple[_WeightedVerifier, ...]) -> None:
        self._verifiers = verifiers

    def score(self, item: Item) -> Score:
        """The score of *item*. Never raises for what the texts hold."""
        outcomes = [(verifier, _outcome(verifier, item)) for verifier in self._verifiers]
        weighted = [(verifier.weight, one) for verifier, one in outcomes if not isinstance(one, Unknown)]
        return Score(
            value=_mean(weighted),
            parts={verifier.name: None if isinstance(one, Unknown) else one for verifier, one in outcomes},
            reasons={verifier.name: one.reason for verifier, one in outcomes if isinstance(one, Unknown)},
        )


def build_scorer(reward: Reward) -> Scorer:
    """The scorer that `spec.reward` describes. Raises InvalidManifest with everything that can be known beforehand."""
    heaviest = max(reward.weights.get(verifier.name, 1.0) for verifier in reward.verifiers)
    weighed, problems = [], []
    for index, verifier in enumerate(reward.verifiers):
        try:
            check = build_verifier(verifier)
        except Unusable as unusable:
            problems.append(f"spec.reward.verifiers[{index}].{unusable}")
            continue
        weight = reward.weights.get(verifier.name, 1.0) / heaviest
        weighed.append(_WeightedVerifier(verifier.name, weight, check, reads_text=verifier.length is None))
    if problems:
        raise InvalidManifest(problems)
    return Scorer(tuple(weighed))


def _outcome(verifier: _WeightedVerifier, item: Item) -> Outcome:
    longest = max(len(item.completion), len(item.reference or ""))
    if verifier.reads_text and longest > MAX_CHARACTERS:
        return Unknown(f"a text of {longest} characters is not read; the limit is {MAX_CHARACTERS}")
    return verifier.verify(item)


def _mean(weighted: list[tuple[float, float]]) -> float | None:
    """Weighted mean of (weight, number), kept inside 0 to 1 where rounding leaves it. None of nothing."""
    if not weighted:
        return None
    mean = fsum(weight * number for weight, number in weighted) / fsum(weight for weight, _ in weighted)
    return min(1.0, max(0.0, mean))
