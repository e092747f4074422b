"""
Rules between judges: nobody can have worked well towards a wrong answer. Pure.

Each rule sees what the rules before it left. Judges that gave no score neither cap nor are capped.
"""

from collections.abc import Mapping
from typing import NamedTuple

from atlas_api.rewardservice.judging import Consistency
from atlas_api.scoring import Correction


class ConsistentScores(NamedTuple):
    """Scores after all rules, and what each rule changed, by judge."""

    scores: dict[str, float]
    corrections: dict[str, tuple[Correction, ...]]


def apply_consistency(verdicts: Mapping[str, float], rules: Consistency) -> ConsistentScores:
    """*verdicts*, scores by judge, with the rules applied in their order. A rule only ever lowers a score."""
    scores, corrections = dict(verdicts), dict[str, tuple[Correction, ...]]()

    def lower(judge: str, cap: float, rule: str) -> None:
        before = scores[judge]
        if cap < before:
            scores[judge] = cap
            corrections[judge] = (*corrections.get(judge, ()), Correction(rule, before, cap))

    if not rules.enabled:
        return ConsistentScores(scores, corrections)
    # The thresholds are compared in the reference's form: a - b is not always the float that b + c suggests.
    if {"accuracy", "process"} <= scores.keys() and scores["accuracy"] < scores[
        "process"
    ] - rules.process_above_accuracy:
        lower("process", scores["accuracy"] + rules.process_above_accuracy, "processAboveAccuracy")
    if {"process", "helpfulness"} <= scores.keys() and scores["process"] < rules.good_process:
        lower("helpfulness", rules.good_process, "goodProcess")
    bound = rules.helpfulness_above_diagnostic
    if {"diagnostic", "helpfulness"} <= scores.keys() and scores["diagnostic"] < scores["helpfulness"] - bound:
        lower("helpfulness", scores["diagnostic"] + bound, "helpfulnessAboveDiagnostic")
    return ConsistentScores(scores, corrections)
