"""What a part of the judges would have said: the same as if they had been asked alone."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reward_service import service_manifest

from atlas_api import InvalidManifest, parse
from atlas_api.rewardservice import RewardService, RewardServiceSpec
from atlas_rewards.combinations import ALL, JUDGES, Combination, combinations_of, recombined
from atlas_rewards.item import Item
from atlas_rewards.judging.answer import Answer, NoAnswer
from atlas_rewards.judging.ensemble import Ensemble
from atlas_rewards.reward_service import verifiers_of

NAMES = ("accuracy", "helpfulness", "process", "diagnostic")
ITEM = Item("It is 42.", "42", ({"role": "user", "content": "What is 6 * 7?"},))


def spec(judges: Sequence[str] = NAMES, **more: Any) -> RewardServiceSpec:
    named = [{"name": name, "rubric": name, "weight": 1 + NAMES.index(name)} for name in judges]
    manifest = service_manifest("http://127.0.0.1:9/v1", judges=named, **more)
    return parse(RewardService, manifest).spec


WITH_VERIFIERS = spec(verifiers=[{"name": "answer", "numeric": {}}, {"name": "form", "jsonSchema": {"schema": {}}}])


class Scripted:
    """Asks nobody: each judge says its number, or nothing."""

    def __init__(self, scores: dict[str, float | None]) -> None:
        self._scores = scores

    async def ask(
        self,
        model: Any,
        messages: Sequence[dict[str, str]],
        temperature: float,
        deadline: float | None = None,
        *,
        repetition: int = 0,
        usable: Callable[[str], bool] = lambda _: True,
    ) -> Answer:
        text = messages[0]["content"]
        (name,) = [name for name in NAMES if f"What you judge: {name[:7]}" in text]
        score = self._scores[name]
        if score is None:
            raise NoAnswer("timeout", "too slow")
        said = f'{{"principles": [], "rationale": "", "score": {score}, "uncertainty": 0.1}}'
        return Answer(said, tokens=1, seconds=0.0, cached=False)


def names(combinations: Sequence[Combination]) -> list[str]:
    return [combination.name for combination in combinations]


def test_everything_all_judges_and_each_judge_alone_are_compared() -> None:
    assert names(combinations_of(WITH_VERIFIERS)) == [ALL, JUDGES, *NAMES]


def test_what_is_the_same_is_compared_once() -> None:
    assert names(combinations_of(spec(["accuracy"]))) == [ALL]
    assert names(combinations_of(spec(), ["process+accuracy", "accuracy + process"]))[-1] == "process+accuracy"


def test_names_are_never_mixed_up_whatever_judges_are_called() -> None:
    judges = [{"name": name, "rubric": "accuracy"} for name in ("all", "judges")]
    manifest = service_manifest("http://127.0.0.1:9/v1", judges=judges, verifiers=[{"name": "a", "numeric": {}}])
    found = names(combinations_of(parse(RewardService, manifest).spec, ["all+a", "judges+a"]))
    assert len(found) == len(set(found)) == 6


def test_a_verifier_can_join_judges() -> None:
    (found,) = combinations_of(WITH_VERIFIERS, ["accuracy+answer"])[-1:]
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
        combinations_of(WITH_VERIFIERS, [wanted])
    assert complaint in str(refusal.value)


scores = st.fixed_dictionaries({name: st.none() | st.sampled_from([0.0, 0.2, 0.45, 0.7, 1.0]) for name in NAMES})


@settings(deadline=None, max_examples=150)
@given(scores, st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_part_of_the_judges_says_what_it_says_when_asked_alone(
    said: dict[str, float | None], members: set[str]
) -> None:
    part = [name for name in NAMES if name in members]

    async def both() -> tuple[Any, Any]:
        (whole,) = await Ensemble(spec(), Scripted(said)).score([ITEM])
        (alone,) = await Ensemble(spec(part), Scripted(said)).score([ITEM])
        return whole, alone

    whole, alone = asyncio.run(both())
    combined = recombined(spec(), whole, Combination("part", frozenset(members), frozenset()))
    assert combined.score == alone.score
    assert combined.reasons == alone.reasons
    assert [(one.name, one.score, one.corrections) for one in combined.judges] == [
        (one.name, one.score, one.corrections) for one in alone.judges
    ]


def test_everything_together_says_what_was_said() -> None:
    said = {"accuracy": 0.2, "helpfulness": 0.9, "process": 0.9, "diagnostic": None}
    ensemble = Ensemble(WITH_VERIFIERS, Scripted(said), verifiers_of(WITH_VERIFIERS))
    (whole,) = asyncio.run(ensemble.score([ITEM]))
    (everything, judges, *_) = combinations_of(WITH_VERIFIERS)
    combined = recombined(WITH_VERIFIERS, whole, everything)
    assert (combined.score, combined.reasons, combined.verifiers) == (whole.score, whole.reasons, whole.verifiers)
    assert recombined(WITH_VERIFIERS, whole, judges).verifiers == {}


def test_a_quorum_that_few_judges_cannot_reach_becomes_their_number() -> None:
    strict = spec(quorum=3)
    said: dict[str, float | None] = dict.fromkeys(NAMES, 0.5)
    (whole,) = asyncio.run(Ensemble(strict, Scripted(said)).score([ITEM]))
    alone = Combination("accuracy", frozenset({"accuracy"}), frozenset())
    assert recombined(strict, whole, alone).score == 0.5
