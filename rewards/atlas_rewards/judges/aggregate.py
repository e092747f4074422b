"""
Aggregation: what all judges and verifiers together say of an item. Pure: the one place where a combined score is made.

    rules between judges, weighted mean of what is left, quorum, cap

Items that nobody could judge are no exception: their result says why.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import fsum

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.judges.consistency import apply_consistency
from atlas_rewards.verifiers.weighted_mean import Score

NO_VERIFIERS = Score(None)


def aggregate(
    spec: RewardServiceSpec,
    judges: Sequence[JudgeResult],
    verified: Score = NO_VERIFIERS,
    caps: Sequence[str] = (),
    caps_unknown: str | None = None,
) -> ItemResult:
    """The result of one item. *judges*: before any rule between them; *caps*: reward hacking checks that it failed, by
    name; *caps_unknown*: why it is not known whether it fails any, and then there is no score.

    The score lies between the lowest and the highest score that it is made from, unless a cap lowers it. It does not
    depend on the order of the judges.
    """
    corrected = _corrected(spec, judges)
    scores = {judge.name: judge.score for judge in corrected if judge.score is not None}
    quorate = len(scores) >= spec.quorum
    mean = _mean(spec, scores, verified) if quorate else None
    return ItemResult(
        score=None if mean is None or caps_unknown is not None else _capped(spec, mean, caps),
        judges=corrected,
        verifiers=dict(verified.parts),
        caps=tuple(caps),
        reasons=(*_reasons(spec, corrected, len(scores), verified), *([] if caps_unknown is None else [caps_unknown])),
        uncapped=mean,
    )


def _corrected(spec: RewardServiceSpec, judges: Sequence[JudgeResult]) -> tuple[JudgeResult, ...]:
    given = {judge.name: judge.score for judge in judges if judge.score is not None}
    scores, corrections = apply_consistency(given, spec.consistency)
    return tuple(
        replace(judge, score=scores.get(judge.name), corrections=corrections.get(judge.name, ())) for judge in judges
    )


def _mean(spec: RewardServiceSpec, scores: dict[str, float], verified: Score) -> float:
    weights = {judge.name: judge.weight for judge in spec.judges}
    weighted = [(weights[name], score) for name, score in scores.items()]
    weighted += [(spec.weights.get(name, 1.0), part) for name, part in verified.parts.items() if part is not None]
    mean = fsum(weight * score for weight, score in weighted) / fsum(weight for weight, _ in weighted)
    return min(max(score for _, score in weighted), max(min(score for _, score in weighted), mean))


def _capped(spec: RewardServiceSpec, score: float, caps: Sequence[str]) -> float:
    return min(score, spec.anti_gaming.cap_score) if caps else score


def _reasons(spec: RewardServiceSpec, judges: Sequence[JudgeResult], given: int, verified: Score) -> tuple[str, ...]:
    below = (
        [f"{given} of {len(judges)} judges gave a verdict; the quorum is {spec.quorum}"] if given < spec.quorum else []
    )
    silent = [f"{judge.name}: {judge.reason}" for judge in judges if judge.score is None]
    return (*below, *silent, *(f"{name}: {reason}" for name, reason in verified.reasons.items()))
