"""Escalation: when the small model's samples are not enough, and which of them counts when they are. Pure."""

from collections.abc import Sequence
from statistics import pstdev

from atlas_api.rewardservice.judging import Escalation
from atlas_api.scoring import Sample


def escalation_reason(samples: Sequence[Sample], escalation: Escalation) -> str | None:
    """Why the large model should decide: `noValidSamples`, `disagreement` or `uncertainty`; None when it need not."""
    if not samples:
        return "noValidSamples"
    scores = [sample.score for sample in samples]
    # At most half the range: only scores that lie apart are worth the exact computation.
    if max(scores) - min(scores) > escalation.score_std and pstdev(scores) > escalation.score_std:
        return "disagreement"
    if max(sample.uncertainty for sample in samples) > escalation.uncertainty:
        return "uncertainty"
    return None


def uncertainty_of(samples: Sequence[Sample], reason: str | None) -> float:
    """Uncertainty of the verdict of *samples* that the large model should have decided for *reason*, and did not.

    Where they disagree, at least the standard deviation of their scores; otherwise the word of the most certain one.
    """
    least = least_uncertain(samples).uncertainty
    return max(least, pstdev(sample.score for sample in samples)) if reason == "disagreement" else least


def least_uncertain(samples: Sequence[Sample]) -> Sample:
    """The sample that counts. Of equally certain ones the first, that is, of the first temperature."""
    return min(samples, key=lambda sample: sample.uncertainty)
