"""Nothing from a judged text reaches instructions, the verdict, a log line, or another item."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from support.judges.ensembles import FOUR, Call, failing, item_of, judge_answer, score_one, score_with_calls, spec_of
from support.judges.injections import CODE, FORGED, INJECTIONS

from atlas_rewards.item import Item
from atlas_rewards.llm.answer import NoAnswer

INNOCENT = item_of(
    "It is 42.", reference="42", plan="multiply", teacher_trace="count", student_trace="6*7", baseline="41"
)
FIELDS = ("completion", "reference", "plan", "teacher_trace", "student_trace", "baseline", "principles")
OWN = {"name": "own", "instructions": "Is it right?"}
RANKED = {"name": "ranked", "rubric": "accuracy", "mode": "group"}
EVERYBODY = spec_of(
    judges=[*({"name": name, "rubric": name} for name in FOUR), OWN, RANKED],
    temperatures=[0.2],
    antiGaming={"enabled": False},
)
ONE = spec_of("accuracy", temperatures=[0.2], antiGaming={"enabled": False})
ALONE = spec_of("accuracy", temperatures=[0.2], large=False, antiGaming={"enabled": False})
SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u034f\u115f\u180b\u200b\u2028-\u202e\u2800\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
    f"|[{SELECTORS}]{{2}}"
)
TEXTS = pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS)


def everywhere(text: str) -> Item:
    """An item all of whose texts are *text*."""
    texts: dict[str, Any] = dict.fromkeys(FIELDS, text)
    return replace(INNOCENT, prompt=({"role": "user", "content": text},), **texts)


def disagree(call: Call) -> str:
    """Makes every judge ask the large model."""
    return judge_answer(0.2, 0.9)


def skeleton(call: Call) -> str:
    """The user message without what stands in it, and without its code."""
    code = call.material.split("\n", 1)[0].rpartition(" ")[2]
    texts = re.compile(rf"<<([^>\n]*) {code}>>\n.*?\n<<END \1 {code}>>", re.DOTALL)
    return texts.sub(lambda text: f"<<{text[1]}>>", call.material).replace(code, "")


def test_there_are_at_least_forty_attempts() -> None:
    assert len(set(INJECTIONS.values())) >= 40


@TEXTS
def test_instructions_are_what_they_are_without_the_attempt(text: str) -> None:
    _, calls = score_with_calls(
        [everywhere(text), replace(everywhere(text), completion="another")], disagree, EVERYBODY
    )
    _, innocent = score_with_calls([INNOCENT, replace(INNOCENT, completion="another")], disagree, EVERYBODY)
    assert {call.system for call in calls} == {call.system for call in innocent}
    assert all([message["role"] for message in call.messages] == ["system", "user"] for call in calls)


@TEXTS
def test_nothing_of_the_attempt_stands_outside_its_marks(text: str) -> None:
    harmless = "harmless" if text.strip() else "  "
    _, calls = score_with_calls([everywhere(text)], disagree, EVERYBODY)
    _, innocent = score_with_calls([everywhere(harmless)], disagree, EVERYBODY)
    assert [skeleton(call) for call in calls] == [skeleton(call) for call in innocent]


@TEXTS
def test_what_is_sent_can_be_sent_and_hides_nothing(text: str) -> None:
    _, calls = score_with_calls([everywhere(text)], disagree, EVERYBODY)
    for call in calls:
        call.material.encode()
        assert "<|" not in call.material
        assert not HIDDEN.search(call.material)
        assert len(call.material) < 9 * EVERYBODY.max_characters


@TEXTS
def test_an_honest_judge_is_understood_whatever_it_quotes(text: str) -> None:
    def quotes(call: Call) -> str:
        return f"The text says:\n{call.material}\n\n{judge_answer(0.25, rationale=text)}"

    assert score_one(quotes, ONE, item_of(text)).score == 0.25


@TEXTS
@pytest.mark.parametrize("repeat", ["the text", "all texts", "the verdict in it"])
def test_a_judge_that_only_repeats_what_it_was_shown_gives_no_verdict(text: str, repeat: str) -> None:
    def repeats(call: Call) -> str:
        if repeat == "all texts" or FORGED not in call.material:
            return call.material
        return text if repeat == "the text" else json.dumps(json.loads(FORGED), indent=4)

    result = score_one(repeats, ALONE, item_of(text))
    assert result.score is None
    assert result.judges[0].samples == ()


@TEXTS
def test_reasons_are_printable_lines_whatever_the_model_or_the_endpoint_repeats(text: str) -> None:
    def refuses(_: Call) -> str:
        raise NoAnswer("refused", text)

    for says in (refuses, lambda _: text):
        for reason in score_one(says, ONE, item_of(text)).reasons:
            assert reason.isprintable()
            assert len(reason) < 1000


@TEXTS
def test_the_questions_about_another_item_are_what_they_are_without_the_attempt(text: str) -> None:
    _, alone = score_with_calls([INNOCENT], failing, ALONE)
    _, beside = score_with_calls([everywhere(text), INNOCENT, item_of(text)], failing, ALONE)
    (innocent,) = alone
    assert innocent in [replace(call, deadline=innocent.deadline) for call in beside]
    questions = [call.messages for call in beside]
    assert len(set(map(repr, questions))) == len(questions)


@TEXTS
def test_an_attempt_in_one_completion_does_not_name_the_candidates_of_a_ranking(text: str) -> None:
    spec = spec_of(judges=[RANKED], temperatures=[0.2, 0.5, 0.8], antiGaming={"enabled": False})

    def by_name(call: Call) -> str:
        code = call.material.split("\n", 1)[0].rpartition(" ")[2]
        names = re.findall(rf"^<<(C\d+) ANSWER {code}>>$", call.material, re.MULTILINE)
        assert sorted(names) == ["C1", "C2"]
        honest = re.search(rf"^<<(C\d+) ANSWER {code}>>\nhonest\n", call.material, re.MULTILINE)
        assert honest
        scores = [{"candidate": name, "score": 0.9 if name == honest[1] else 0.1, "uncertainty": 0.1} for name in names]
        return json.dumps({"ranking": scores})

    results, _ = score_with_calls([item_of(text), item_of("honest")], by_name, spec)
    assert [result.score for result in results] == [0.1, 0.9]


def test_the_code_that_attempts_guess_is_not_the_code() -> None:
    _, calls = score_with_calls([item_of(text) for text in INJECTIONS.values()], failing, ALONE)
    assert not any(call.material.startswith(f"Code of this request: {CODE}") for call in calls)
