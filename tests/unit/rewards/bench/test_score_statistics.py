"""How scores behave over many items."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_api.scoring import Correction, ItemResult, JudgeResult
from atlas_rewards.bench.score_statistics import Summary, percentile, summarise
from atlas_rewards.causes import cause_of, unanswered


def result(score: float | None, *causes: str, seconds: float = 1.0, **judge: object) -> ItemResult:
    """Of one judge."""
    figures = JudgeResult("accuracy", score, uncertainty=0.2, causes=causes, **judge)  # type: ignore[arg-type]
    return ItemResult(score, (figures,), seconds=seconds)


def summary(*scores: float | None, recorded: tuple[float | None, ...] = ()) -> Summary:
    return summarise([result(score) for score in scores], recorded or (None,) * len(scores))


def test_mean_and_deviation_leave_out_what_has_no_score() -> None:
    figures = summary(0.2, None, 0.6)
    assert (figures.items, figures.scored) == (3, 2)
    assert figures.mean == pytest.approx(0.4)
    assert figures.deviation == pytest.approx(0.2)


def test_nothing_scored_is_unknown_and_never_zero() -> None:
    figures = summary(None, None)
    assert (figures.mean, figures.deviation, figures.uncertainty, figures.p50_seconds, figures.p95_seconds) == (
        None,
    ) * 5
    assert (figures.close, figures.pearson, figures.compared) == (None, None, 0)


def test_scores_agree_up_to_two_hundredths() -> None:
    figures = summary(0.5, 0.5, 0.5, 0.5, recorded=(0.52, 0.48, 0.521, None))
    assert figures.compared == 3
    assert figures.close == pytest.approx(2 / 3)


def test_the_correlation_is_pearsons() -> None:
    assert summary(0.1, 0.5, 0.9, recorded=(0.2, 0.4, 0.6)).pearson == pytest.approx(1.0)
    assert summary(0.1, 0.5, 0.9, recorded=(0.6, 0.4, 0.2)).pearson == pytest.approx(-1.0)


def test_the_order_is_the_share_of_different_pairs_that_scores_put_alike() -> None:
    figures = summary(0.1, 0.2, 0.2, 0.9, None, recorded=(0.0, 0.0, 1.0, 1.0, 1.0))
    assert figures.ordered == pytest.approx(3.5 / 4)
    assert (figures.values, figures.compared) == (2, 4)
    assert summary(0.9, 0.1, recorded=(0.0, 1.0)).ordered == 0.0
    assert summary(0.5, 0.5, 0.5, recorded=(0.0, 0.5, 1.0)).ordered == 0.5
    assert summary(0.5, 0.7, recorded=(1.0, 1.0)).ordered is None


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_the_order_is_what_looking_at_every_pair_gives(items: list[tuple[int, int]]) -> None:
    pairs = [
        0.5 if one[0] == other[0] else float((one[0] < other[0]) == (one[1] < other[1]))
        for one, other in combinations(items, 2)
        if one[1] != other[1]
    ]
    figures = summary(*(score / 4 for score, _ in items), recorded=tuple(reward / 4 for _, reward in items))
    assert figures.ordered == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_one_pair_or_a_side_that_never_varies_has_no_correlation() -> None:
    assert summary(0.1, recorded=(0.2,)).pearson is None
    assert summary(0.5, 0.5, recorded=(0.2, 0.4)).pearson is None


def test_a_judge_counts_as_escalated_when_the_large_model_was_asked_even_in_vain() -> None:
    results = [
        result(0.5, escalated=True, escalation_reason="disagreement"),
        result(None, "timeout", escalation_reason="uncertainty"),
        result(0.5),
        result(0.5),
    ]
    assert summarise(results, [None] * 4).escalated == 0.5


def test_corrected_and_capped_items_are_counted() -> None:
    corrected = result(0.5, corrections=(Correction("goodProcess", 0.9, 0.5),))
    capped = ItemResult(0.3, caps=("empty",))
    figures = summarise([corrected, capped, result(0.4), result(0.4)], [None] * 4)
    assert (figures.corrected, figures.capped) == (0.25, 0.25)


def test_latency_is_that_of_items_with_a_score() -> None:
    results = [result(0.5, seconds=number) for number in range(1, 21)] + [result(None, "timeout", seconds=300)]
    figures = summarise(results, [None] * 21)
    assert (figures.p50_seconds, figures.p95_seconds) == (10, 19)


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (76, 4), (100, 4)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile([3, 1, 4, 2], percent) == value


@pytest.mark.parametrize(
    ("causes", "counted"),
    [(("timeout",), "timeout"), (("timeout", "overloaded"), "overloaded, timeout"), ((), "unknown")],
)
def test_an_item_without_a_score_is_counted_under_its_causes(causes: tuple[str, ...], counted: str) -> None:
    assert cause_of(result(None, *causes)) == counted


def test_causes_are_counted_most_frequent_first() -> None:
    results = [result(None, cause) for cause in ("unreadable", "timeout", "timeout")] + [result(0.5)]
    assert list(summarise(results, [None] * 4).failures.items()) == [("timeout", 2), ("unreadable", 1)]


@pytest.mark.parametrize(
    ("causes", "again"),
    [
        (("timeout",), True),
        (("unreadable", "overloaded"), True),
        (("unreadable",), False),
        (("noText",), False),
        (("tooMany",), False),
        ((), False),
    ],
)
def test_an_item_that_a_model_could_not_answer_about_may_be_asked_about_again(
    causes: tuple[str, ...], again: bool
) -> None:
    assert unanswered(result(None, *causes)) is again


def test_what_has_a_score_is_answered_whichever_judge_is_missing() -> None:
    silent = JudgeResult("process", None, causes=("timeout",))
    assert not unanswered(ItemResult(0.5, (silent,)))
