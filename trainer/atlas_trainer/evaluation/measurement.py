"""
The result of one evaluation: the numbers, and the completions behind them.

Knows nothing about models, datasets or files: `to_json` and `from_json` are only the shape that survives a restart.
"""

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

_MOST = 10**12

Message = dict[str, Any]
"""One chat message: `role`, `content`, and what belongs to tools."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of one held-out task."""

    session_id: str
    """The session that the task comes from: the same in every evaluation of a run."""

    task: str
    prompt: tuple[Message, ...]
    completion: str
    reference: str | None
    """The known right answer, where the session had one."""

    reward: float | None
    """Weighted mean of the parts, 0 to 1. None when nothing could score it."""

    parts: dict[str, float | None]
    """Score by verifier. None where the verifier does not apply."""

    tokens: int
    """Completion tokens, end token included."""

    turn: int = 0
    """Place of the answered turn among those of the session."""

    def to_json(self) -> dict[str, Any]:
        """Return a document that `json.dumps` takes; numbers that are not finite become None."""
        document = asdict(self)
        document["prompt"] = list(self.prompt)
        document["reward"] = finite(self.reward)
        document["parts"] = {name: finite(score) for name, score in self.parts.items()}
        return document


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The model at one step, measured on the held-out tasks."""

    step: Annotated[int, Field(ge=0, le=_MOST)]
    """Optimizer steps done; 0 is the baseline."""

    success: Annotated[float, Field(ge=0, le=1)]
    """Share of the scored tasks that were solved, 0 to 1: unknown is neither solved nor failed."""

    reward: float | None
    """Mean reward of the scored samples, 0 to 1."""

    tokens: Annotated[float, Field(ge=0, le=_MOST)]
    """Mean completion tokens."""

    truncated: Annotated[float, Field(ge=0, le=1)]
    """Share of completions that were cut at the token limit, 0 to 1."""

    unscored: Annotated[int, Field(ge=0, le=_MOST)]
    """Samples that nothing could score."""

    samples: tuple[Sample, ...]
    revisions: tuple[str, ...] = ()
    """Revisions of the judges that scored the samples, sorted; none where only verifiers did."""

    def to_json(self) -> dict[str, Any]:
        """Return a document that `json.dumps` takes; numbers that are not finite become None."""
        return {
            "step": self.step,
            "success": self.success,
            "reward": finite(self.reward),
            "tokens": self.tokens,
            "truncated": self.truncated,
            "unscored": self.unscored,
            "samples": [sample.to_json() for sample in self.samples],
            "revisions": list(self.revisions),
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "EvaluationResult":
        """The value that `to_json` made *document* of. ValueError when the document is something else."""
        return TypeAdapter(cls).validate_python(document)


def results_at(results: dict[int, EvaluationResult], step: int) -> dict[str, float]:
    """Metrics of an evaluation for manifest and status; empty when nothing was measured at *step*."""
    if step not in results:
        return {}
    found = results[step]
    metrics = {"evalSuccess": found.success, "evalTokens": found.tokens}
    return metrics if found.reward is None else {**metrics, "evalReward": found.reward}


def finite(number: float | None) -> float | None:
    """Return *number*, or None when it is NaN or infinite: JSON has no word for those."""
    return number if number is not None and math.isfinite(number) else None
