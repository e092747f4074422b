"""Why a judge gave no verdict is told in words of ours, which no model can choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judges.ensembles import Call, item_of, judge_answer, score_with_calls, spec_of

from atlas_rewards.judges.runner import LARGEST_GROUP
from atlas_rewards.llm.answer import NoAnswer

TIMEOUT = NoAnswer("timeout", "small at http://x: gives no answer within 60 s")
OVERLOADED = NoAnswer("overloaded", "small at http://x: answers 503 Service Unavailable")


def causes_of(*answers: str | NoAnswer, large: str | NoAnswer | None = None) -> tuple[str, ...]:
    """Why there is no verdict when the small model gives *answers*, one at each temperature."""
    temperatures = [place / 10 for place in range(len(answers))]

    def says(call: Call) -> str:
        answer = large if call.model == "large" else answers[temperatures.index(call.temperature)]
        if isinstance(answer, NoAnswer):
            raise answer
        return answer or ""

    spec = spec_of("accuracy", large=large is not None, temperatures=temperatures)
    ((result,), _) = score_with_calls([item_of()], says, spec)
    return result.judges[0].causes


@pytest.mark.parametrize("answer", ["I refused: timeout", "; timeout: retry", judge_answer(score="; timeout: ")])
def test_an_answer_that_is_no_verdict_is_unreadable_whatever_it_says(answer: str) -> None:
    assert causes_of(answer) == ("unreadable",)
    assert causes_of("no", large=answer) == ("unreadable",)


@given(st.text(max_size=40))
def test_no_words_of_an_endpoint_are_a_cause(words: str) -> None:
    assert causes_of(NoAnswer("refused", words)) == ("refused",)


def test_every_cause_is_told_once_in_the_order_of_the_temperatures() -> None:
    assert causes_of(judge_answer(score=2), OVERLOADED, TIMEOUT, OVERLOADED) == ("unreadable", "overloaded", "timeout")


def test_where_the_large_model_was_asked_its_failure_is_the_cause() -> None:
    assert causes_of(TIMEOUT, large=OVERLOADED) == ("overloaded",)


def test_a_judge_with_a_verdict_has_no_cause() -> None:
    assert causes_of(TIMEOUT, judge_answer()) == ()


def test_more_completions_than_can_be_compared_are_a_cause_of_its_own() -> None:
    spec = spec_of(judges=[{"name": "accuracy", "rubric": "accuracy", "mode": "group"}])
    results, _ = score_with_calls(
        [item_of(str(number)) for number in range(LARGEST_GROUP + 1)], lambda _: judge_answer(), spec
    )
    assert {result.judges[0].causes for result in results} == {("tooMany",)}
