"""
How scores behave over many items: their spread, how sure judges are, how well they agree with what was recorded.

Pure. Unknown is None, never 0.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import StatisticsError, correlation, fmean, pstdev

from atlas_api.scoring import ItemResult
from atlas_rewards.causes import cause_of

CLOSE = 0.02
"""Two scores agree when they are at most this far apart."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Summary:
    """Scores of one subset of judges over many items."""

    items: int
    scored: int
    mean: float | None
    deviation: float | None
    """Population standard deviation of the scores."""

    uncertainty: float | None
    """Mean over all verdicts of the judges' own uncertainty."""

    escalated: float
    """Share of verdicts (an item before a judge) for which the large model was asked."""

    corrected: float
    """Share of items in which a rule between judges lowered a score."""

    conflicting: float
    """Share of verdicts for which a model gave different ones in one reply, which counts as none."""

    capped: float
    """Share of items that failed a reward hacking check."""

    compared: int
    """Items with a score and a recorded reward."""

    close: float | None
    """Share of them that are within 0.02 of each other."""

    values: int
    """Different recorded rewards among them."""

    ordered: float | None
    """Share of pairs of these items with different rewards whose scores are in the same order (concordance); equal
    scores count half, so that chance gives a half. None when there are no such pairs."""

    pearson: float | None
    """Pearson correlation of score and reward. None for fewer than two, or when either side never varies."""

    p50_seconds: float | None
    """Median of the seconds that the slowest judge of an item took."""

    p95_seconds: float | None
    failures: dict[str, int]
    """Items without a score, by cause, most frequent first."""


def summarise(results: Sequence[ItemResult], recorded: Sequence[float | None]) -> Summary:
    """What *results* look like as a whole. *recorded*: the reward recorded with each item, in the same order."""
    scores = [result.score for result in results if result.score is not None]
    verdicts = [judge for result in results for judge in result.judges]
    doubts = [judge.uncertainty for judge in verdicts if judge.score is not None and judge.uncertainty is not None]
    pairs = [
        (result.score, reward)
        for result, reward in zip(results, recorded, strict=True)
        if result.score is not None and reward is not None
    ]
    seconds = [result.seconds for result in results if result.score is not None]
    return Summary(
        items=len(results),
        scored=len(scores),
        mean=fmean(scores) if scores else None,
        deviation=pstdev(scores) if scores else None,
        uncertainty=fmean(doubts) if doubts else None,
        escalated=_share([judge.escalation_reason is not None for judge in verdicts]),
        corrected=_share([any(judge.corrections for judge in result.judges) for result in results]),
        conflicting=_share([judge.conflicts > 0 for judge in verdicts]),
        capped=_share([bool(result.caps) for result in results]),
        compared=len(pairs),
        close=_share([abs(score - reward) <= CLOSE + _ROUNDING for score, reward in pairs]) if pairs else None,
        values=len({reward for _, reward in pairs}),
        ordered=_concordance(pairs),
        pearson=_pearson(pairs),
        p50_seconds=percentile(seconds, 50),
        p95_seconds=percentile(seconds, 95),
        failures=dict(Counter(cause_of(result) for result in results if result.score is None).most_common()),
    )


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least *percent* of them do not exceed; None when there are none."""
    return sorted(values)[max(0, ceil(len(values) * percent / 100) - 1)] if values else None


def _share(marks: Sequence[bool]) -> float:
    return fmean(marks) if marks else 0.0


def _concordance(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Concordance of scores and rewards, as Harrell's index has it, in time that hardly grows faster than the items."""
    lower: list[float] = []
    by_reward: dict[float, list[float]] = {}
    for score, reward in pairs:
        by_reward.setdefault(reward, []).append(score)
    compared, in_order = 0, 0.0
    for _, scores in sorted(by_reward.items()):
        compared += len(lower) * len(scores)
        in_order += sum((bisect_left(lower, score) + bisect_right(lower, score)) / 2 for score in scores)
        for score in scores:
            insort(lower, score)
    return in_order / compared if compared else None


def _pearson(pairs: Sequence[tuple[float, float]]) -> float | None:
    try:
        return correlation([score for score, _ in pairs], [reward for _, reward in pairs])
    except StatisticsError:
        return None
