"""What a part of the judges would have said: the same as if they had been asked alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.judges.ensembles import FOUR, Call, ScriptedModel, judge_answer
from support.rewardservice.served import service_manifest

from atlas_api import InvalidManifest, parse
from atlas_api.rewardservice.spec import RewardService, RewardServiceSpec
from atlas_rewards.bench.judge_subsets import ALL, JUDGES, JudgeSubset, judge_subsets, subset_result
from atlas_rewards.item import Item
from atlas_rewards.judges.ensemble import Ensemble
from atlas_rewards.llm.answer import NoAnswer
from atlas_rewards.scorer import verifiers_of

ITEM = Item("It is 42.", "42", ({"role": "user", "content": "What is 6 * 7?"},))


def spec(judges: Sequence[str] = FOUR, **more: Any) -> RewardServiceSpec:
    named = [{"name": name, "rubric": name, "weight": 1 + FOUR.index(name)} for name in judges]
    manifest = service_manifest("http://127.0.0.1:9/v1", judges=named, **more)
    return parse(RewardService, manifest).spec


WITH_VERIFIERS = spec(verifiers=[{"name": "answer", "numeric": {}}, {"name": "form", "jsonSchema": {"schema": {}}}])


def scripted(scores: dict[str, float | None]) -> ScriptedModel:
    """Each judge says its number, or nothing."""

    def says(call: Call) -> str:
        score = scores[call.judge]
        if score is None:
            raise NoAnswer("timeout", "too slow")
        return judge_answer(score)

    return ScriptedModel(says)


def names(combinations: Sequence[JudgeSubset]) -> list[str]:
    return [combination.name for combination in combinations]


def test_everything_all_judges_and_each_judge_alone_are_compared() -> None:
    assert names(judge_subsets(WITH_VERIFIERS)) == [ALL, JUDGES, *FOUR]


def test_what_is_the_same_is_compared_once() -> None:
    assert names(judge_subsets(spec(["accuracy"]))) == [ALL]
    assert names(judge_subsets(spec(), ["process+accuracy", "accuracy + process"]))[-1] == "process+accuracy"


def test_names_are_never_mixed_up_whatever_judges_are_called() -> None:
    judges = [{"name": name, "rubric": "accuracy"} for name in ("all", "judges")]
    manifest = service_manifest("http://127.0.0.1:9/v1", judges=judges, verifiers=[{"name": "a", "numeric": {}}])
    found = names(judge_subsets(parse(RewardService, manifest).spec, ["all+a", "judges+a"]))
    assert len(found) == len(set(found)) == 6


def test_a_verifier_can_join_judges() -> None:
    (found,) = judge_subsets(WITH_VERIFIERS, ["accuracy+answer"])[-1:]
    assert (found.judges, found.verifiers) == (frozenset({"accuracy"}), frozenset({"answer"}))


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("accuracy+acuracy", "--combination accuracy+acuracy: no judge or verifier is called 'acuracy'; there are"),
        ("answer", "--combination answer: holds no judge; add one of accuracy"),
        ("", "--combination : no judge or verifier is called ''"),
    ],
)
def test_a_combination_that_cannot_be_is_refused_by_name(wanted: str, complaint: str) -> None:
    with pytest.raises(InvalidManifest) as refusal:
        judge_subsets(WITH_VERIFIERS, [wanted])
    assert complaint in str(refusal.value)


SCORES = st.fixed_dictionaries({name: st.none() | st.sampled_from([0.0, 0.2, 0.45, 0.7, 1.0]) for name in FOUR})


@settings(deadline=None, max_examples=150)
@given(SCORES, st.sets(st.sampled_from(FOUR), min_size=1))
def test_a_part_of_the_judges_says_what_it_says_when_asked_alone(
    says: dict[str, float | None], members: set[str]
) -> None:
    part = [name for name in FOUR if name in members]

    async def both() -> tuple[Any, Any]:
        (whole,) = await Ensemble(spec(), scripted(says)).score([ITEM])
        (alone,) = await Ensemble(spec(part), scripted(says)).score([ITEM])
        return whole, alone

    whole, alone = asyncio.run(both())
    combined = subset_result(spec(), whole, JudgeSubset("part", frozenset(members), frozenset()))
    assert combined.score == alone.score
    assert combined.reasons == alone.reasons
    assert [(one.name, one.score, one.corrections) for one in combined.judges] == [
        (one.name, one.score, one.corrections) for one in alone.judges
    ]


def test_everything_together_says_what_was_said() -> None:
    says = {"accuracy": 0.2, "helpfulness": 0.9, "process": 0.9, "diagnostic": None}
    ensemble = Ensemble(WITH_VERIFIERS, scripted(says), verifiers_of(WITH_VERIFIERS))
    (whole,) = asyncio.run(ensemble.score([ITEM]))
    (everything, judges, *_) = judge_subsets(WITH_VERIFIERS)
    combined = subset_result(WITH_VERIFIERS, whole, everything)
    assert (combined.score, combined.reasons, combined.verifiers) == (whole.score, whole.reasons, whole.verifiers)
    assert subset_result(WITH_VERIFIERS, whole, judges).verifiers == {}


def test_where_nobody_knows_whether_a_cap_applies_no_part_has_a_score() -> None:
    says: dict[str, float | None] = {**dict.fromkeys(FOUR, 0.9), "process": None}
    (result,) = asyncio.run(Ensemble(spec(), scripted(says)).score([ITEM]))
    unknown = "antiGaming: deadline: was not done in time"
    whole = replace(result, score=None, reasons=(*result.reasons, unknown))
    everything, *parts = (subset_result(spec(), whole, one) for one in judge_subsets(spec(), ["accuracy+helpfulness"]))
    assert (everything.score, everything.reasons) == (None, whole.reasons)
    assert [part.score for part in parts] == [None] * 5
    assert all(part.reasons[-1] == unknown for part in parts)


def test_a_quorum_that_few_judges_cannot_reach_becomes_their_number() -> None:
    strict = spec(quorum=3)
    says: dict[str, float | None] = dict.fromkeys(FOUR, 0.5)
    (whole,) = asyncio.run(Ensemble(strict, scripted(says)).score([ITEM]))
    alone = JudgeSubset("accuracy", frozenset({"accuracy"}), frozenset())
    assert subset_result(strict, whole, alone).score == 0.5
