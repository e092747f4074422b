"""Rules between judges, in their order, each with its bound from the configuration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.rewardservice.judging import Consistency
from atlas_rewards.judges.consistency import apply_consistency

SHARES = st.floats(0, 1)
SCORES = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("accuracy", "process", "helpfulness", "diagnostic", "politeness"), SHARES)
)


def after(rules: Consistency = Consistency(), /, **scores: float) -> dict[str, float]:  # noqa: B008
    return {name: round(score, 9) for name, score in apply_consistency(scores, rules).scores.items()}


def test_the_worked_example_of_the_reference() -> None:
    assert after(accuracy=0.2, process=0.9, helpfulness=0.9, diagnostic=0.1) == {
        "accuracy": 0.2,
        "process": 0.3,
        "helpfulness": 0.2,
        "diagnostic": 0.1,
    }


def test_each_change_is_recorded_in_the_order_of_the_rules() -> None:
    given_ = {"accuracy": 0.2, "process": 0.9, "helpfulness": 0.9, "diagnostic": 0.1}
    corrections = apply_consistency(given_, Consistency()).corrections
    assert [(one.rule, round(one.before, 9), round(one.after, 9)) for one in corrections["process"]] == [
        ("processAboveAccuracy", 0.9, 0.3)
    ]
    assert [(one.rule, round(one.before, 9), round(one.after, 9)) for one in corrections["helpfulness"]] == [
        ("goodProcess", 0.9, 0.5),
        ("helpfulnessAboveDiagnostic", 0.5, 0.2),
    ]
    assert set(corrections) == {"process", "helpfulness"}


def test_a_later_rule_sees_what_an_earlier_one_left() -> None:
    assert after(accuracy=0.3, process=0.9, helpfulness=0.8)["helpfulness"] == 0.5
    assert after(accuracy=0.9, process=0.9, helpfulness=0.8)["helpfulness"] == 0.8


def test_with_helpfulness_and_process_alone_only_the_second_rule_speaks() -> None:
    assert after(process=0.4, helpfulness=0.9) == {"process": 0.4, "helpfulness": 0.5}
    assert after(process=0.5, helpfulness=0.9) == {"process": 0.5, "helpfulness": 0.9}


def test_a_score_that_stands_at_its_cap_is_not_changed() -> None:
    assert apply_consistency({"process": 0.4, "helpfulness": 0.5}, Consistency()).corrections == {}


@pytest.mark.parametrize("gap", [0.0, 0.05, 0.1])
def test_a_gap_within_the_bound_is_left_alone(gap: float) -> None:
    assert after(accuracy=0.5, process=0.5 + gap) == {"accuracy": 0.5, "process": round(0.5 + gap, 9)}


def test_every_bound_comes_from_the_configuration() -> None:
    assert after(Consistency(process_above_accuracy=0.4), accuracy=0.2, process=0.9)["process"] == 0.6
    assert after(Consistency(good_process=0.7), process=0.6, helpfulness=0.9)["helpfulness"] == 0.7
    bound = Consistency(helpfulness_above_diagnostic=0.3)
    assert after(bound, diagnostic=0.1, helpfulness=0.9)["helpfulness"] == 0.4
    assert after(Consistency(enabled=False), accuracy=0.0, process=1.0) == {"accuracy": 0.0, "process": 1.0}


@given(SCORES)
def test_rules_only_lower_scores_and_record_every_change(scores: dict[str, float]) -> None:
    left, corrections = apply_consistency(scores, Consistency())
    assert left.keys() == scores.keys()
    assert all(0 <= left[name] <= scores[name] for name in scores)
    assert {name for name in scores if left[name] != scores[name]} == set(corrections)
    for name, changes in corrections.items():
        assert changes[0].before == scores[name]
        assert changes[-1].after == left[name]


@given(SCORES)
def test_the_rules_hold_afterwards(scores: dict[str, float]) -> None:
    left = apply_consistency(scores, Consistency()).scores
    if {"accuracy", "process"} <= left.keys():
        assert left["process"] <= left["accuracy"] + 0.1 + 1e-12
    if {"process", "helpfulness"} <= left.keys():
        assert left["process"] >= 0.5 or left["helpfulness"] <= 0.5
    if {"diagnostic", "helpfulness"} <= left.keys():
        assert left["helpfulness"] <= left["diagnostic"] + 0.1 + 1e-12


@given(SCORES, st.sampled_from(["accuracy", "process", "helpfulness", "diagnostic"]), SHARES)
def test_a_better_score_never_lowers_another_one(scores: dict[str, float], name: str, better: float) -> None:
    if name not in scores:
        return
    higher = scores | {name: max(scores[name], better)}
    before, now = apply_consistency(scores, Consistency()).scores, apply_consistency(higher, Consistency()).scores
    assert all(now[judge] >= before[judge] - 1e-12 for judge in scores)
