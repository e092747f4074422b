"""
Ablation: what a subset of the judges would have given, from the answers of all of them. Pure.

Judges do not know of each other, so nobody needs to be asked again: the rules between judges, the weighted mean, quorum
and caps are applied anew to the scores that the members gave before any rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from atlas_api.errors import InvalidManifest
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult, JudgeResult
from atlas_rewards.judges.aggregate import aggregate
from atlas_rewards.judges.checks import CAPS_UNKNOWN
from atlas_rewards.verifiers.weighted_mean import Score

ALL = "all together"
JUDGES = "all judges"
"""No judge can be called so: names hold no blank."""


@dataclass(frozen=True, slots=True)
class JudgeSubset:
    """Some of a configuration's judges and verifiers."""

    name: str
    judges: frozenset[str]
    verifiers: frozenset[str]


def judge_subsets(spec: RewardServiceSpec, wanted: Sequence[str] = ()) -> list[JudgeSubset]:
    """Everything, all judges without verifiers, each judge alone, and those *wanted*, as `accuracy+process`.

    Of two that are the same, the first is kept. Raises `InvalidManifest` for names that *spec* does not have.
    """
    judges = frozenset(judge.name for judge in spec.judges)
    verifiers = frozenset(verifier.name for verifier in spec.verifiers)
    subsets = [JudgeSubset(ALL, judges, verifiers), JudgeSubset(JUDGES, judges, frozenset())]
    subsets += [JudgeSubset(judge.name, frozenset({judge.name}), frozenset()) for judge in spec.judges]
    subsets += [_wanted(text, judges, verifiers) for text in wanted]
    unique: dict[tuple[frozenset[str], frozenset[str]], JudgeSubset] = {}
    for subset in subsets:
        unique.setdefault((subset.judges, subset.verifiers), subset)
    return list(unique.values())


def subset_result(spec: RewardServiceSpec, result: ItemResult, members: JudgeSubset) -> ItemResult:
    """*result*, of all of *spec*, as the *members* alone would have given it.

    Exact as long as judges score each completion on its own. A quorum that they cannot reach becomes their number.
    `seconds` is the time of the slowest judge; verifiers are not timed one by one.
    """
    judges = [_unruled(judge) for judge in result.judges if judge.name in members.judges]
    part = spec.model_copy(
        update={
            "judges": tuple(judge for judge in spec.judges if judge.name in members.judges),
            "quorum": min(spec.quorum, len(members.judges)),
        }
    )
    unknown = next((reason for reason in result.reasons if reason.startswith(CAPS_UNKNOWN)), None)
    combined = aggregate(part, judges, _verified(result, members), result.caps, unknown)
    return replace(combined, revision=result.revision, seconds=max(judge.seconds for judge in judges))


def _verified(result: ItemResult, members: JudgeSubset) -> Score:
    parts = {name: score for name, score in result.verifiers.items() if name in members.verifiers}
    reasons = (reason.partition(": ") for reason in result.reasons)
    return Score(None, parts, {name: why for name, _, why in reasons if name in members.verifiers})


def _wanted(text: str, judges: frozenset[str], verifiers: frozenset[str]) -> JudgeSubset:
    names = {name.strip() for name in text.split("+")}
    if unknown := sorted(names - judges - verifiers):
        known = ", ".join(sorted(judges | verifiers))
        raise InvalidManifest(
            [f"--combination {text}: no judge or verifier is called {unknown[0]!a}; there are {known}"]
        )
    if not names & judges:
        raise InvalidManifest([f"--combination {text}: holds no judge; add one of {', '.join(sorted(judges))}"])
    return JudgeSubset(text, frozenset(names & judges), frozenset(names & verifiers))


def _unruled(judge: JudgeResult) -> JudgeResult:
    """*judge* as it was before rules between judges changed its score."""
    return replace(judge, score=judge.corrections[0].before, corrections=()) if judge.corrections else judge
