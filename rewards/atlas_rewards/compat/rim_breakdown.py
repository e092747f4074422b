"""A result in the shape that users of ATLAS know: the same numbers under other names."""

from dataclasses import asdict, dataclass, field
from typing import Any

from atlas_api.scoring import ItemResult, JudgeResult, Principle


@dataclass(frozen=True, slots=True)
class JudgeSample:
    """One answer of the small model."""

    score: float
    rationale: str
    principles: list[dict[str, Any]]
    uncertainty: float
    temperature: float


@dataclass(frozen=True, slots=True)
class JudgeBreakdown:
    """What one judge says, after the rules between judges."""

    identifier: str
    score: float | None
    rationale: str
    principles: list[dict[str, Any]]
    samples: list[JudgeSample]
    escalated: bool
    escalation_reason: str | None


@dataclass(frozen=True, slots=True)
class RewardBreakdown:
    """All that is known of one completion."""

    score: float | None
    judges: list[JudgeBreakdown] = field(default_factory=list)
    rationale: str | None = None
    raw: dict[str, Any] | None = None
    """What else is known: `revision`, `verifiers`, `caps`, `reasons`."""

    def to_dict(self) -> dict[str, Any]:
        """The breakdown as JSON."""
        return asdict(self)


def breakdown_of(result: ItemResult) -> RewardBreakdown:
    """*result* in that shape."""
    return RewardBreakdown(
        score=result.score,
        judges=[_judge(judge) for judge in result.judges],
        rationale="\n".join(text for judge in result.judges if (text := explanation_of(judge))) or None,
        raw={
            "revision": result.revision,
            "verifiers": dict(result.verifiers),
            "caps": list(result.caps),
            "reasons": list(result.reasons),
        },
    )


def explanation_of(judge: JudgeResult) -> str:
    """The rationale, with a line for each rule that changed the score; or why there is no score."""
    if judge.score is None:
        return f"[No verdict] {judge.reason}"
    notes = [f"[Consistency] {one.rule}: {one.before:.3g} lowered to {one.after:.3g}" for one in judge.corrections]
    return "\n".join([judge.rationale, *notes]).strip()


def _judge(judge: JudgeResult) -> JudgeBreakdown:
    samples = [
        JudgeSample(one.score, one.rationale, _principles(one.principles), one.uncertainty, one.temperature)
        for one in judge.samples
    ]
    return JudgeBreakdown(
        identifier=judge.name,
        score=judge.score,
        rationale=explanation_of(judge),
        principles=_principles(judge.principles),
        samples=samples,
        escalated=judge.escalated,
        escalation_reason=judge.escalation_reason,
    )


def _principles(principles: tuple[Principle, ...]) -> list[dict[str, Any]]:
    return [asdict(principle) for principle in principles]
