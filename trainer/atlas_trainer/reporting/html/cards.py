"""
The first screen of the report: the outcome in one sentence, and the few numbers that matter.

Pure; knows nothing about HTML.
"""

from dataclasses import dataclass

from atlas_api.training.evaluation import Targets
from atlas_api.training.status import Phase
from atlas_trainer.evaluation.comparison import Comparison, TargetResult, wilson_interval
from atlas_trainer.evaluation.measurement import EvaluationResult
from atlas_trainer.reporting.formatting import change, percent, points, score, tokens


@dataclass(frozen=True, slots=True)
class Card:
    """One number before and after. Texts that do not apply are empty."""

    label: str
    before: str
    after: str
    change: str
    better: bool | None
    """Whether the number moved the right way. None when nothing moved, or nothing can be compared."""

    detail: str
    target: str = ""
    met: bool | None = None
    """Whether the target is met. None when nothing is measured yet."""


def headline(phase: Phase, comparison: Comparison) -> str:
    """The outcome in one sentence."""
    before, after = comparison.before, comparison.after
    if before and after:
        moved = {1: "up from", 0: "the same as the starting model:", -1: "down from"}[
            _sign(after.success - before.success)
        ]
        return f"Solves {percent(after.success)} of held-out tasks, {moved} {percent(before.success)}."
    if after:
        return f"Solves {percent(after.success)} of held-out tasks. The starting model was not measured."
    if before:
        return f"The starting model solves {percent(before.success)} of held-out tasks."
    return "Nothing is measured yet." if phase == "Running" else "The run ended before anything was measured."


def cards(comparison: Comparison, targets: Targets) -> list[Card]:
    """The numbers that matter; none before the first evaluation."""
    newest = comparison.after or comparison.before
    if newest is None:
        return []
    return [_success(comparison, targets, newest), _tokens(comparison, targets, newest), _reward(comparison, newest)]


def _success(comparison: Comparison, targets: Targets, newest: EvaluationResult) -> Card:
    before, after, delta = comparison.before, comparison.after, comparison.success_delta
    return Card(
        label="Held-out success",
        before=percent(before.success if before else None),
        after=percent(after.success if after else None),
        change=points(delta) if delta is not None else "",
        better=_better(delta),
        detail=_interval(newest),
        target=points(targets.success_delta) if targets.success_delta else "",
        met=_met(comparison.success_target(targets)),
    )


def _tokens(comparison: Comparison, targets: Targets, newest: EvaluationResult) -> Card:
    before, after = comparison.before, comparison.after
    return Card(
        label="Completion tokens",
        before=tokens(before.tokens if before else None),
        after=tokens(after.tokens if after else None),
        change=change(before.tokens, after.tokens) if before and after else "",
        better=_better(comparison.token_reduction),
        detail=f"Mean of an answer; {percent(newest.truncated)} of the answers hit the token limit.",
        target=f"{percent(targets.token_reduction)} fewer" if targets.token_reduction else "",
        met=_met(comparison.token_target(targets)),
    )


def _reward(comparison: Comparison, newest: EvaluationResult) -> Card:
    first = comparison.before.reward if comparison.before else None
    last = comparison.after.reward if comparison.after else None
    gain = last - first if first is not None and last is not None else None
    unscored = f"; {newest.unscored} of {len(newest.samples)} could not be scored" if newest.unscored else ""
    return Card(
        label="Held-out reward",
        before=score(first),
        after=score(last),
        change=f"{gain:+.2f}" if gain is not None else "",
        better=_better(gain),
        detail=f"Mean of an answer, 0 to 1{unscored}.",
    )


def _interval(result: EvaluationResult) -> str:
    """A line about how sure the success rate is, given how few tasks it was measured on."""
    scored = len(result.samples) - result.unscored
    if scored < 1:
        return ""
    low, high = wilson_interval(result.success, scored)
    return f"{round(result.success * scored)} of {scored} tasks; 95 % interval {100 * low:.0f} to {100 * high:.0f} %."


def _sign(difference: float) -> int:
    return (difference > 0) - (difference < 0)


def _better(gain: float | None) -> bool | None:
    return gain > 0 if gain else None


def _met(result: TargetResult | None) -> bool | None:
    return result.met if result else None
