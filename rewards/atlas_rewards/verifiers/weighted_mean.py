"""
One score for one completion: the weighted mean of the verifiers that could say something.

Knows nothing about training, datasets or where texts come from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import TypeVar

from atlas_api.errors import InvalidManifest
from atlas_api.training.reward import Answer, Reward, Verifier
from atlas_rewards.item import Item
from atlas_rewards.thoughts import spoken
from atlas_rewards.verifiers import (
    MAX_CHARACTERS,
    Outcome,
    Reads,
    Unknown,
    Unusable,
    Verify,
    build_verifier,
    look_at_verifier,
)
from atlas_rewards.verifiers.answer import answered
from atlas_rewards.verifiers.outcome import reference_of

T = TypeVar("T")

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
    reads: Reads


class Scorer:
    """Scores items one by one. Deterministic as long as the user's own functions are; safe to share between threads."""

    def __init__(self, verifiers: tuple[_WeightedVerifier, ...], answer: Answer) -> None:
        self._verifiers = verifiers
        self._answer = answer

    def score(self, item: Item) -> Score:
        """The score of *item*. Never raises for what the texts hold."""
        said = spoken(item, self._answer)
        compared = said and self._compared(said)
        outcomes = [(verifier, self._outcome(verifier, item, said, compared)) for verifier in self._verifiers]
        weighted = [(verifier.weight, one) for verifier, one in outcomes if not isinstance(one, Unknown)]
        return Score(
            value=_mean(weighted),
            parts={verifier.name: None if isinstance(one, Unknown) else one for verifier, one in outcomes},
            reasons={verifier.name: one.reason for verifier, one in outcomes if isinstance(one, Unknown)},
        )

    def _compared(self, item: Item) -> Item | Unknown | None:
        """*item* as verifiers of the answer get it. None when its completion has no answer."""
        if unread := _unread(item):
            return unread
        compared = answered(item, self._answer)
        # An answer may be longer than its text: a float has an exponent, the integer that it is has digits.
        return compared and (_unread(compared) or compared)

    def _outcome(
        self, verifier: _WeightedVerifier, item: Item, said: Item | None, compared: Item | Unknown | None
    ) -> Outcome:
        """*said*: *item* without thoughts; None where a thought did not end, and then nothing of it is an answer."""
        if verifier.reads == "size":
            return verifier.verify(said) if said else 0.0
        if verifier.reads == "completion":
            return (_unread(said) or verifier.verify(said)) if said else 0.0
        if compared is None:
            silent = reference_of(item) if verifier.reads == "comparison" else None
            return silent if isinstance(silent, Unknown) else self._answer.missing
        return compared if isinstance(compared, Unknown) else verifier.verify(compared)


def build_scorer(reward: Reward) -> Scorer:
    """The scorer that `spec.reward` describes. Raises InvalidManifest with everything that can be known beforehand."""
    heaviest = max(reward.weights.get(verifier.name, 1.0) for verifier in reward.verifiers)
    built = _each(reward, build_verifier)
    weighed = [
        _WeightedVerifier(verifier.name, reward.weights.get(verifier.name, 1.0) / heaviest, check, reads)
        for verifier, (check, reads) in zip(reward.verifiers, built, strict=True)
    ]
    return Scorer(tuple(weighed), reward.answer)


def doubts_about(reward: Reward) -> list[str]:
    """What stays in doubt about `spec.reward` until it is built, a line each with its field.

    Runs no code of the user's. Raises InvalidManifest with everything that is wrong for certain.
    """
    doubts = _each(reward, look_at_verifier)
    return [f"{_place(index)}.{doubt}" for index, doubt in enumerate(doubts) if doubt is not None]


def _each(reward: Reward, work: Callable[[Verifier], T]) -> list[T]:
    """What *work* gives for each verifier. Raises InvalidManifest with those that are unusable."""
    done, problems = [], []
    for index, verifier in enumerate(reward.verifiers):
        try:
            done.append(work(verifier))
        except Unusable as unusable:
            problems.append(f"{_place(index)}.{unusable}")
    if problems:
        raise InvalidManifest(problems)
    return done


def _place(index: int) -> str:
    return f"spec.reward.verifiers[{index}]"


def _unread(item: Item) -> Unknown | None:
    longest = max(len(item.completion), len(item.reference or ""))
    if longest <= MAX_CHARACTERS:
        return None
    return Unknown(f"a text of {longest} characters is not read; the limit is {MAX_CHARACTERS}")


def _mean(weighted: list[tuple[float, float]]) -> float | None:
    """Weighted mean of (weight, number), kept inside 0 to 1 where rounding leaves it. None of nothing."""
    if not weighted:
        return None
    mean = fsum(weight * number for weight, number in weighted) / fsum(weight for weight, _ in weighted)
    return min(1.0, max(0.0, mean))
