"""The combined score is made in one place, of the corrected scores, and never of nothing."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judges.ensembles import FOUR, judge_result, spec_of

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.scoring import ItemResult
from atlas_rewards.judges.aggregate import aggregate
from atlas_rewards.verifiers.weighted_mean import Score

SHARES = st.none() | st.floats(0, 1)
OWN = [{"name": f"j{index}", "instructions": "x", "weight": index + 0.5} for index in range(4)]
"""Judges without rules between them."""


def combined(
    scores: Mapping[str, float | None],
    verified: Mapping[str, float | None] | None = None,
    spec: RewardServiceSpec | None = None,
    **changes: Any,
) -> ItemResult:
    parts = verified or {}
    judge_answer = Score(
        None, parts, {name: "no reference was recorded" for name, part in parts.items() if part is None}
    )
    judges = [judge_result(name, score) for name, score in scores.items()]
    return aggregate(
        spec or spec_of(verifiers=[{"name": name, "exactMatch": {}} for name in parts], **changes), judges, judge_answer
    )


PLAIN = spec_of()
INDEPENDENT = spec_of(judges=OWN, verifiers=[{"name": name, "exactMatch": {}} for name in ("v", "w")], weights={"v": 3})


def test_the_breakdown_and_the_score_are_the_same_numbers() -> None:
    result = combined(dict(zip(FOUR, (0.2, 0.9, 0.9, 0.1), strict=True)))
    assert [round(judge.score or 0, 9) for judge in result.judges] == [0.2, 0.2, 0.3, 0.1]
    assert result.score == pytest.approx(0.2)


def test_weights_of_judges_and_verifiers_count() -> None:
    judges = [{"name": "a", "instructions": "x", "weight": 3}, {"name": "b", "instructions": "x"}]
    result = combined({"a": 1.0, "b": 0.0}, {"v": 0.5}, judges=judges, weights={"v": 4})
    assert result.score == pytest.approx((3 * 1.0 + 1 * 0.0 + 4 * 0.5) / 8)


def test_whoever_said_nothing_is_left_out_with_the_reason() -> None:
    result = combined({"accuracy": 0.6, "process": None}, {"v": None})
    assert result.score == pytest.approx(0.6)
    assert result.verifiers == {"v": None}
    assert result.reasons == ("process: timeout: took too long", "v: no reference was recorded")


@pytest.mark.parametrize(("quorum", "score"), [(1, 0.6), (2, 0.6), (3, None), (4, None)])
def test_below_the_quorum_there_is_no_score(quorum: int, score: float | None) -> None:
    result = combined({"accuracy": 0.6, "process": 0.6, "helpfulness": None, "diagnostic": None}, quorum=quorum)
    assert result.score == (score if score is None else pytest.approx(score))
    assert result.judges[0].score == 0.6
    below_quorum = f"2 of 4 judges gave a verdict; the quorum is {quorum}"
    assert (below_quorum in result.reasons) == (score is None)


def test_verifiers_do_not_make_up_for_judges() -> None:
    assert combined({"accuracy": None}, {"v": 1.0}).score is None


def test_a_cap_lowers_the_score_and_never_raises_it() -> None:
    spec = spec_of("accuracy", antiGaming={"capScore": 0.25})
    assert aggregate(spec, [judge_result("accuracy", 0.9)], caps=["echoed"]).score == 0.25
    assert aggregate(spec, [judge_result("accuracy", 0.1)], caps=["echoed"]).score == 0.1
    assert aggregate(spec, [judge_result("accuracy", 0.9)], caps=["echoed"]).uncapped == 0.9
    assert aggregate(spec, [judge_result("accuracy", 0.9)]).uncapped == 0.9
    unknown = aggregate(spec, [judge_result("accuracy", None)], caps=["echoed"])
    assert (unknown.score, unknown.uncapped) == (None, None)
    assert aggregate(spec, [judge_result("accuracy", 0.9)], caps=["echoed", "padded"]).caps == ("echoed", "padded")


@given(st.tuples(*[SHARES] * 4), st.dictionaries(st.sampled_from(["v", "w"]), SHARES))
def test_the_score_lies_among_what_it_is_made_of(
    scores: tuple[float | None, ...], verified: dict[str, float | None]
) -> None:
    result = combined({f"j{index}": score for index, score in enumerate(scores)}, verified, INDEPENDENT)
    judges = [score for score in scores if score is not None]
    known = judges + [part for part in verified.values() if part is not None]
    assert (result.score is None) == (not judges)
    if result.score is not None:
        assert min(known) <= result.score <= max(known)


@given(st.tuples(*[SHARES] * 4))
def test_the_order_of_the_judges_does_not_matter(scores: tuple[float | None, ...]) -> None:
    named = list(zip(FOUR, scores, strict=True))
    results = {combined(dict(order), spec=PLAIN).score for order in itertools.permutations(named)}
    assert len(results) == 1


@given(st.tuples(*[st.floats(0, 1)] * 4), st.integers(0, 3), st.floats(0, 1))
def test_a_better_verdict_never_lowers_the_score(scores: tuple[float, ...], index: int, better: float) -> None:
    higher = [max(score, better) if place == index else score for place, score in enumerate(scores)]
    before = combined(dict(zip(FOUR, scores, strict=True)), spec=PLAIN).score
    after = combined(dict(zip(FOUR, higher, strict=True)), spec=PLAIN).score
    assert before is not None
    assert after is not None
    assert after >= before - 1e-12
