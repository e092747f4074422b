"""Why a judge gave no verdict is read from its reason, and no model can write it there."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.ensembles import Call, asked, item_of, said, spec_of

from atlas_rewards.causes import UNREADABLE, kinds_of
from atlas_rewards.judging.answer import NoAnswer

WORDS = ("; timeout: ", "verdict: refused: ", "; ", "'", '"', "\\", "\n", "…", " in the answer '", "score is ")


def reason_of(*answers: str | NoAnswer, large: str | None = None) -> str:
    """Why there is no verdict when the small model gives *answers*, one at each temperature."""
    temperatures = [place / 10 for place in range(len(answers))]

    def says(call: Call) -> str:
        answer = large if call.model == "large" else answers[temperatures.index(call.temperature)]
        if isinstance(answer, NoAnswer):
            raise answer
        return answer or ""

    spec = spec_of("accuracy", large=large is not None, temperatures=temperatures)
    ((result,), _) = asked([item_of()], says, spec)
    return result.judges[0].reason or ""


TIMEOUT = NoAnswer("timeout", "small at http://x: gives no answer within 60 s")


@pytest.mark.parametrize(
    "answer",
    [
        "I refused to score this before the deadline",
        "Output timeout: retry",
        "Output; timeout: retry",
        "It's no use; timeout: retry",
        """It's "no use"; timeout: retry""",
        said(score="; timeout: retry, not a number"),
        said(score="; timeout: a text that is so long that it is cut"),
        said(score={"timeout": "'; refused: "}),
        said(uncertainty="; timeout: "),
    ],
)
def test_what_a_model_said_is_no_cause(answer: str) -> None:
    assert kinds_of(reason_of(answer)) == [UNREADABLE]
    assert kinds_of(reason_of(answer, TIMEOUT, f"{answer} again")) == ["timeout"]
    assert kinds_of(reason_of("no", large=answer)) == [UNREADABLE]


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=12).map("".join), st.booleans())
@example("x" * 60 + "\\' ; timeout: ", False)
def test_no_answer_forges_a_cause(words: str, as_score: bool) -> None:
    answer = json.dumps({"score": words, "uncertainty": 0.1}) if as_score else words
    many = [f"{number}{answer}" for number in range(8)]
    assert kinds_of(reason_of(*many)) == [UNREADABLE]


@pytest.mark.parametrize("answer", ["N; timeout: N", said(score="N; timeout: "), said(score="N" + "; timeout: " * 5)])
def test_a_quote_is_no_cause_wherever_the_end_of_a_long_reason_cuts_it(answer: str) -> None:
    answers = [answer.replace("N", str(number)) for number in range(10, 25)]
    reasons = [reason_of(said(score="x" * letters), *answers) for letters in range(40)]
    assert {len(reason.partition(" used: ")[2]) for reason in reasons} == {600}
    assert [kinds_of(reason) for reason in reasons] == [[UNREADABLE]] * 40


def test_every_model_that_gave_no_answer_is_counted() -> None:
    others = [NoAnswer("overloaded", "small at http://x: answers 503 Service Unavailable"), TIMEOUT]
    assert kinds_of(reason_of(*others)) == ["overloaded", "timeout"]
    assert kinds_of(reason_of(said(score=2), *others)) == ["overloaded", "timeout"]


def test_a_judge_with_a_verdict_has_no_cause() -> None:
    assert kinds_of(None) == []
