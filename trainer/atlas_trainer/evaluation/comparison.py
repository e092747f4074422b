"""
The model before and after training, on the same held-out tasks.

Pure. Knows nothing about how terminal and report show it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from atlas_api.training.evaluation import Targets
from atlas_trainer.evaluation.measurement import EvaluationResult, Sample

Change = Literal["improved", "worse", "rewritten", "same"]


@dataclass(frozen=True, slots=True)
class TargetResult:
    """A target of the manifest beside what was measured. Both are shares, 0 to 1."""

    target: float
    measured: float

    @property
    def met(self) -> bool:
        """Whether the target is reached; rounding of binary fractions does not decide."""
        return self.measured >= self.target - 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations of one run. `before` is None when no baseline was measured or the run is not that far."""

    before: EvaluationResult | None
    after: EvaluationResult | None

    @classmethod
    def of(cls, evaluations: Sequence[EvaluationResult]) -> "Comparison":
        """Compare the baseline with the newest evaluation after it; *evaluations* are in order of steps."""
        before = next((result for result in evaluations if result.step == 0), None)
        after = next((result for result in reversed(evaluations) if result.step > 0), None)
        return cls(before, after)

    @property
    def success_delta(self) -> float | None:
        """Rise of the success rate, absolute. None when one of the two is missing."""
        return self.after.success - self.before.success if self.before and self.after else None

    @property
    def token_reduction(self) -> float | None:
        """Share of completion tokens saved; negative when completions grew."""
        if not self.before or not self.after or not self.before.tokens:
            return None
        return 1 - self.after.tokens / self.before.tokens

    def success_target(self, targets: Targets) -> TargetResult | None:
        """The target for the success rate; None when there is none, or nothing is measured."""
        return _target_result(targets.success_delta, self.success_delta)

    def token_target(self, targets: Targets) -> TargetResult | None:
        """The target for completion tokens; None when there is none, or nothing is measured."""
        return _target_result(targets.token_reduction, self.token_reduction)


def _target_result(target: float | None, measured: float | None) -> TargetResult | None:
    return None if target is None or measured is None else TargetResult(target, measured)


@dataclass(frozen=True, slots=True)
class Pair:
    """The completions of one held-out task, before and after. At least one of the two is there."""

    before: Sample | None
    after: Sample | None

    @property
    def task(self) -> Sample:
        """The sample to read prompt and reference from."""
        sample = self.after or self.before
        if sample is None:
            raise ValueError("a pair needs at least one sample")
        return sample

    @property
    def change(self) -> Change:
        """The change that training made, by reward first and by text second."""
        if self.before is None or self.after is None:
            return "same"
        if self.before.reward is not None and self.after.reward is not None and self.before.reward != self.after.reward:
            return "improved" if self.after.reward > self.before.reward else "worse"
        return "same" if self.before.completion == self.after.completion else "rewritten"


def pairs(comparison: Comparison) -> list[Pair]:
    """Every held-out task of either evaluation, matched by session, turn and task, in the order of the newer one."""
    before = _by_task(comparison.before)
    after = _by_task(comparison.after)
    return [Pair(before.get(key), after.get(key)) for key in (after | before)]


def _by_task(result: EvaluationResult | None) -> dict[tuple[str, int, str], Sample]:
    return {(sample.session_id, sample.turn, sample.task): sample for sample in result.samples} if result else {}


def worth_showing(all_pairs: Sequence[Pair], limit: int) -> list[Pair]:
    """Choose at most *limit* pairs, changed ones first; up to a quarter of the places is kept for what got worse."""
    groups: dict[Change, list[Pair]] = {"improved": [], "worse": [], "rewritten": [], "same": []}
    for pair in all_pairs:
        groups[pair.change].append(pair)
    worse = groups["worse"][: max(limit // 4, limit - len(groups["improved"]))]
    improved = groups["improved"][: limit - len(worse)]
    return [*improved, *worse, *groups["rewritten"], *groups["same"]][:limit]


def wilson_interval(share: float, samples: int) -> tuple[float, float]:
    """95 % confidence interval of a rate measured on *samples* > 0 tasks (Wilson 1927)."""
    z = 1.959964
    centre = share + z * z / (2 * samples)
    spread = z * ((share * (1 - share) + z * z / (4 * samples)) / samples) ** 0.5
    scale = 1 + z * z / samples
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
