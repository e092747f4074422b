"""What is asked of whom, and what is made of the answers."""

import asyncio
import math
import time

import pytest
from support.judges.ensembles import (
    FOUR,
    AnswerScript,
    Call,
    ScriptedModel,
    failing,
    item_of,
    judge_answer,
    sample,
    score_all,
    score_one,
    score_with_calls,
    spec_of,
)

from atlas_api.rewardservice.judging import Escalation
from atlas_api.scoring import ItemResult, Sample
from atlas_rewards.item import Item
from atlas_rewards.judges.ensemble import Ensemble
from atlas_rewards.judges.escalation import escalation_reason, least_uncertain, uncertainty_of
from atlas_rewards.llm.answer import NoAnswer
from atlas_rewards.scorer import verifiers_of

ONE = spec_of("accuracy")
ALONE = spec_of("accuracy", large=False)


def small_says(
    low: tuple[float, float], middle: tuple[float, float], high: tuple[float, float], large: str | None = None
) -> AnswerScript:
    answers = {0.2: judge_answer(*low), 0.5: judge_answer(*middle), 0.8: judge_answer(*high)}
    return lambda call: large or judge_answer(0.5) if call.model == "large" else answers[call.temperature]


def test_every_judge_is_asked_once_at_every_temperature() -> None:
    _, calls = score_with_calls([item_of()], lambda _: judge_answer())
    assert sorted((call.judge, call.temperature) for call in calls) == sorted(
        (judge, temperature) for judge in FOUR for temperature in (0.2, 0.5, 0.8)
    )
    assert {call.model for call in calls} == {"small"}


def test_the_least_uncertain_sample_counts_not_the_mean() -> None:
    result = score_one(small_says((0.6, 0.2), (0.7, 0.05), (0.8, 0.1)), ONE)
    (judge,) = result.judges
    assert (judge.score, judge.uncertainty, result.score) == (0.7, 0.05, 0.7)
    assert [(one.score, one.uncertainty, one.temperature) for one in judge.samples] == [
        (0.6, 0.2, 0.2),
        (0.7, 0.05, 0.5),
        (0.8, 0.1, 0.8),
    ]
    assert (judge.escalated, judge.escalation_reason) == (False, None)


def test_of_equally_certain_samples_the_first_temperature_counts() -> None:
    assert score_one(small_says((0.6, 0.1), (0.7, 0.1), (0.8, 0.1)), ONE).score == 0.6


def test_disagreement_is_decided_by_the_large_model() -> None:
    result = score_one(small_says((0.1, 0.1), (0.9, 0.1), (0.9, 0.1), large=judge_answer(0.4, 0.2, "Decided.")), ONE)
    (judge,) = result.judges
    assert (judge.score, judge.uncertainty, judge.rationale) == (0.4, 0.2, "Decided.")
    assert (judge.escalated, judge.escalation_reason, len(judge.samples)) == (True, "disagreement", 3)


def test_doubt_is_decided_by_the_large_model() -> None:
    (judge,) = score_one(small_says((0.6, 0.31), (0.6, 0.1), (0.6, 0.1), large=judge_answer(0.4)), ONE).judges
    assert (judge.score, judge.escalation_reason) == (0.4, "uncertainty")


def test_without_a_valid_sample_the_large_model_is_asked() -> None:
    (judge,) = score_one(lambda call: judge_answer(0.4) if call.model == "large" else "no idea", ONE).judges
    assert (judge.score, judge.escalated, judge.escalation_reason, judge.samples) == (0.4, True, "noValidSamples", ())


def test_the_large_model_sees_all_samples_once_at_its_own_temperature() -> None:
    _, calls = score_with_calls([item_of()], small_says((0.111, 0.2), (0.9, 0.05), (0.5, 0.1)), ONE)
    (large,) = [call for call in calls if call.model == "large"]
    assert large.temperature == 0.3
    for opinion in ("Score 0.11, uncertainty 0.20", "Score 0.90, uncertainty 0.05", "Score 0.50, uncertainty 0.10"):
        assert opinion in large.material
    assert large.material.count("It holds.") == 3
    assert "What is 6*7?" in large.material


def test_without_a_large_model_the_best_sample_counts() -> None:
    (judge,) = score_one(small_says((0.1, 0.2), (0.9, 0.05), (0.5, 0.9)), ALONE).judges
    assert (judge.score, judge.escalated, judge.escalation_reason) == (0.9, False, None)


def test_when_the_large_model_fails_there_is_no_verdict() -> None:
    result = score_one(small_says((0.1, 0.1), (0.9, 0.1), (0.5, 0.1), large=judge_answer("high")), ONE)
    (judge,) = result.judges
    assert (result.score, judge.score, judge.escalated, len(judge.samples)) == (None, None, False, 3)
    assert judge.reason is not None
    assert judge.reason.startswith("the large model was asked (disagreement) and gave no verdict: score is")


def test_samples_that_failed_are_missing_and_the_others_count() -> None:
    def says(call: Call) -> str:
        return failing(call) if call.temperature == 0.2 else judge_answer(0.6)

    (judge,) = score_one(says, ALONE).judges
    assert (judge.score, [one.temperature for one in judge.samples]) == (0.6, [0.5, 0.8])


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no",
        judge_answer(True),
        judge_answer(math.nan),
        judge_answer(7),
        judge_answer(-0.1),
        judge_answer("0.5"),
        judge_answer(0.5, None),
    ],
)
def test_an_answer_that_is_no_verdict_is_never_a_zero(answer: str) -> None:
    result = score_one(lambda _: answer)
    assert result.score is None
    assert [judge.score for judge in result.judges] == [None] * 4
    assert all(judge.reason for judge in result.judges)


def test_when_nobody_answers_the_result_says_why() -> None:
    result = score_one(failing, ALONE)
    assert result.score is None
    assert result.reasons == (
        "0 of 1 judges gave a verdict; the quorum is 1",
        "accuracy: no sample of 3 can be used: unreachable: no connection",
    )


def test_a_failure_is_told_in_one_printable_line() -> None:
    def says(_: Call) -> str:
        raise NoAnswer("refused", "first\nsecond \x1b[2J" + "x" * 5000)

    (reason,) = [judge.reason for judge in score_one(says, ALONE).judges]
    assert reason is not None
    assert reason.isprintable()
    assert len(reason) < 700


def test_a_failed_judge_leaves_the_others_alone() -> None:
    result = score_one(lambda call: failing(call) if call.judge == "process" else judge_answer(0.6))
    assert result.score == pytest.approx(0.6)
    assert {judge.name: judge.score for judge in result.judges}["process"] is None


def test_results_stand_in_the_order_of_the_items_whatever_their_prompts() -> None:
    items = [item_of(f"answer {number}", f"prompt {number % 3}") for number in range(12)]
    results = score_all(items, lambda call: judge_answer(int(call.material.split("answer ")[1].split()[0]) / 100), ONE)
    assert [round((result.score or 0) * 100) for result in results] == list(range(12))


def test_nothing_to_score_is_no_mistake() -> None:
    assert score_all([], failing) == []


def test_the_same_temperature_twice_is_asked_twice() -> None:
    _, calls = score_with_calls(
        [item_of()], lambda _: judge_answer(), spec_of("accuracy", temperatures=[0.7, 0.7, 0.2])
    )
    assert sorted((call.temperature, call.repetition) for call in calls) == [(0.2, 0), (0.7, 0), (0.7, 1)]


def test_every_call_knows_when_its_item_runs_out_of_time() -> None:
    before = time.monotonic()
    _, calls = score_with_calls(
        [item_of()], small_says((0.1, 0.1), (0.9, 0.1), (0.5, 0.1)), spec_of("accuracy", timeouts={"totalSeconds": 7.0})
    )
    assert len(calls) == 4
    assert all(before + 7 <= (call.deadline or 0) <= time.monotonic() + 7 for call in calls)


def test_verifiers_count_beside_judges() -> None:
    verifiers = [{"name": "number", "numeric": {}}, {"name": "exact", "exactMatch": {}}]
    spec = spec_of("accuracy", verifiers=verifiers, weights={"number": 2})
    result = score_one(lambda _: judge_answer(0.4), spec, item_of("It is 42.", reference="42"))
    assert result.verifiers == {"number": 1.0, "exact": 0.0}
    assert result.score == pytest.approx((0.4 + 2 * 1.0 + 0.0) / 4)


def test_a_verifier_that_is_never_done_does_not_hold_up_the_item() -> None:
    verifiers = [{"name": "slow", "python": {"entryPoint": "support.verifiers.slow_verifier:sleeps"}}]
    spec = spec_of("accuracy", verifiers=verifiers, timeouts={"totalSeconds": 1.0})
    result = score_one(lambda _: judge_answer(0.4), spec)
    assert (result.score, dict(result.verifiers)) == (0.4, {"slow": None})
    assert result.reasons == ("slow: deadline: was not done in time",)


def test_verifiers_that_hang_leave_the_next_items_alone() -> None:
    verifiers = [{"name": "slow", "python": {"entryPoint": "support.verifiers.slow_verifier:sleeps_when_told"}}]
    spec = spec_of("accuracy", verifiers=verifiers, timeouts={"totalSeconds": 1.0})

    async def score() -> list[ItemResult]:
        ensemble = Ensemble(spec, ScriptedModel(lambda _: judge_answer(0.4)), verifiers_of(spec))
        hung = await ensemble.score([item_of(f"sleep {number}") for number in range(40)])
        assert {result.verifiers["slow"] for result in hung} == {None}
        assert all(reason.startswith("slow: deadline: ") for result in hung for reason in result.reasons)
        return await ensemble.score([item_of()])

    (innocent,) = asyncio.run(score())
    assert (innocent.verifiers["slow"], innocent.score) == (1.0, 0.7)


def test_without_an_answer_of_anti_gaming_there_is_no_score() -> None:
    """A cap that is not known cannot be left out."""
    spec = spec_of("accuracy", timeouts={"totalSeconds": 0.001})
    result = score_one(lambda _: judge_answer(0.9), spec, item_of("word " * 200_000))
    assert result.score is None
    assert "antiGaming: deadline: was not done in time" in result.reasons


def test_a_caught_completion_is_capped_and_still_judged() -> None:
    result = score_one(lambda _: judge_answer(0.9), ONE, item_of(""))
    assert (result.score, result.caps, result.judges[0].score) == (0.3, ("empty",), 0.9)
    assert result.uncapped == 0.9


def test_a_result_names_its_revision_and_time() -> None:
    result = score_one(lambda _: judge_answer())
    assert len(result.revision) == 16
    assert result.seconds > 0


@pytest.mark.parametrize(
    ("samples", "cause", "doubt"),
    [
        ((sample(0.0, 0.1), sample(1.0, 0.3)), "disagreement", 0.5),
        ((sample(0.0, 0.6), sample(1.0, 0.7)), "disagreement", 0.6),
        ((sample(0.5, 0.2), sample(0.5, 0.4)), "uncertainty", 0.2),
        ((sample(0.4, 0.0), sample(0.5, 0.1)), None, 0.0),
    ],
)
def test_a_verdict_on_samples_that_disagree_is_as_uncertain_as_they_lie_apart(
    samples: tuple[Sample, ...], cause: str | None, doubt: float
) -> None:
    assert uncertainty_of(samples, cause) == pytest.approx(doubt)


@pytest.mark.parametrize(
    ("samples", "cause"),
    [
        ((), "noValidSamples"),
        ((sample(0.5),), None),
        ((sample(0.2), sample(0.5)), None),
        ((sample(0.1), sample(0.5)), "disagreement"),
        ((sample(0.5, 0.3),), None),
        ((sample(0.5, 0.300001),), "uncertainty"),
        ((sample(0.0, 0.9), sample(1.0, 0.9)), "disagreement"),
    ],
)
def test_the_large_model_is_asked_only_beyond_the_limits(samples: tuple[Sample, ...], cause: str | None) -> None:
    assert escalation_reason(samples, Escalation()) == cause


def test_the_first_of_the_most_certain_is_taken() -> None:
    assert least_uncertain([sample(0.1, 0.2), sample(0.2, 0.1), sample(0.3, 0.1)]).score == 0.2


def test_an_item_without_any_text_is_judged_like_others() -> None:
    assert score_one(lambda _: judge_answer(0.2), ONE, Item("x")).score == 0.2
