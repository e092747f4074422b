"""The model before and after training, on the same held-out tasks."""

import pytest
from support.trainer.measured import make_result, make_sample

from atlas_trainer.evaluation.comparison import Comparison, TargetResult, pairs, wilson_interval, worth_showing


def test_before_is_the_baseline_and_after_the_newest() -> None:
    comparison = Comparison.of([make_result(0), make_result(4), make_result(8)])
    assert comparison.before is not None
    assert comparison.after is not None
    assert (comparison.before.step, comparison.after.step) == (0, 8)


def test_without_a_baseline_nothing_is_compared() -> None:
    comparison = Comparison.of([make_result(4)])
    assert (comparison.before, comparison.success_delta, comparison.token_reduction) == (None, None, None)


def test_a_target_that_is_just_reached_is_met() -> None:
    assert TargetResult(target=0.3, measured=0.5 - 0.2).met


def test_tasks_are_matched_by_session_not_by_place() -> None:
    before = make_result(0, make_sample(1, "a"), make_sample(2, "b"))
    after = make_result(4, make_sample(2, "c"), make_sample(1, "d"))
    matched = [
        (p.before and p.before.completion, p.after and p.after.completion) for p in pairs(Comparison(before, after))
    ]
    assert matched == [("b", "c"), ("a", "d")]


def test_a_task_that_only_one_evaluation_answered_is_kept() -> None:
    before, after = make_result(0, make_sample(1)), make_result(4, make_sample(2))
    assert len(pairs(Comparison(before, after))) == 2


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (make_sample(1, "x", 0.0), make_sample(1, "y", 1.0), "improved"),
        (make_sample(1, "x", 1.0), make_sample(1, "y", 0.5), "worse"),
        (make_sample(1, "x", 1.0), make_sample(1, "y", 1.0), "rewritten"),
        (make_sample(1, "x", 1.0), make_sample(1, "x", 1.0), "same"),
        (make_sample(1, "x", None), make_sample(1, "y", 1.0), "rewritten"),
    ],
)
def test_a_change_is_named_by_reward_first_and_by_text_second(before: object, after: object, change: str) -> None:
    pair = pairs(Comparison(make_result(0, before), make_result(4, after)))[0]  # type: ignore[arg-type]
    assert pair.change == change


def many(improved: int, worse: int, same: int) -> Comparison:
    """Pairs, so many of each kind of change."""
    rewards = [(0.0, 1.0)] * improved + [(1.0, 0.0)] * worse + [(1.0, 1.0)] * same
    before = [make_sample(i, "x", first) for i, (first, _) in enumerate(rewards)]
    after = [make_sample(i, "x", last) for i, (_, last) in enumerate(rewards)]
    return Comparison(make_result(0, *before), make_result(4, *after))


@pytest.mark.parametrize(
    ("improved", "worse", "same", "shown"),
    [
        (40, 10, 10, {"improved": 18, "worse": 6}),
        (40, 2, 10, {"improved": 22, "worse": 2}),
        (3, 40, 10, {"improved": 3, "worse": 21}),
        (3, 2, 40, {"improved": 3, "worse": 2, "same": 19}),
        (1, 0, 1, {"improved": 1, "same": 1}),
    ],
)
def test_what_got_worse_is_not_crowded_out(improved: int, worse: int, same: int, shown: dict[str, int]) -> None:
    chosen = [pair.change for pair in worth_showing(pairs(many(improved, worse, same)), 24)]
    assert {change: chosen.count(change) for change in dict.fromkeys(chosen)} == shown


def test_the_interval_of_a_rate_is_wilsons() -> None:
    # 8 of 10: the textbook value.
    low, high = wilson_interval(0.8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_interval_stays_inside_0_and_1(share: float) -> None:
    low, high = wilson_interval(share, 5)
    assert 0.0 <= low < high <= 1.0
