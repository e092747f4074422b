"""The reward of a training: verifiers and judges in one score."""

import asyncio
from collections.abc import Sequence

import pytest
from support.verifiers.scores import scorer_of

from atlas_api import InvalidManifest, parse
from atlas_api.training.reward import Reward
from atlas_rewards import Item, ItemResult, JudgeResult
from atlas_rewards.trl.training_reward import TrainingReward, build_reward, combined
from atlas_rewards.verifiers.weighted_mean import Score


class Judges:
    """A service that gives the scores it was made with."""

    def __init__(self, *scores: float | None) -> None:
        self.scores = scores

    async def score(self, items: Sequence[Item]) -> list[ItemResult]:
        assert len(items) == len(self.scores)
        return [
            ItemResult(
                score,
                judges=(JudgeResult("accuracy", score),),
                reasons=() if score is not None else ("away",),
                revision="f00d",
            )
            for score in self.scores
        ]

    async def check(self) -> None:
        """Refuse nobody."""

    async def close(self) -> None:
        """Nothing is open."""


RIGHT = Item("It is 42.", reference="42")
UNKNOWN = Item("It is 42.")


def scored(reward: TrainingReward, *items: Item) -> list[ItemResult]:
    return asyncio.run(reward.score(items))


def values(reward: TrainingReward, *items: Item) -> list[float | None]:
    return [result.score for result in scored(reward, *items)]


def test_without_judges_the_verifiers_decide() -> None:
    assert values(TrainingReward(scorer_of({"numeric": {}}), None), RIGHT, Item("41", "42")) == [1.0, 0.0]


def test_without_verifiers_the_judges_decide() -> None:
    assert values(TrainingReward(None, Judges(0.3, None)), RIGHT, RIGHT) == [0.3, None]


def test_both_are_weighed() -> None:
    assert values(TrainingReward(scorer_of({"numeric": {}}), Judges(0.5), weight=3), RIGHT) == [(1 + 3 * 0.5) / 4]


def test_where_no_verifier_applies_the_judges_decide() -> None:
    assert values(TrainingReward(scorer_of({"numeric": {}}), Judges(0.5), weight=3), UNKNOWN) == [0.5]


def test_without_the_judges_score_there_is_none_whatever_the_verifiers_say() -> None:
    (result,) = scored(TrainingReward(scorer_of({"numeric": {}}), Judges(None)), RIGHT)
    assert result.score is None
    assert result.parts == {"v0": 1.0, "accuracy": None}
    assert result.reasons == ("away",)


def test_what_the_service_capped_stays_capped_whatever_the_verifiers_say() -> None:
    capped = ItemResult(0.3, caps=("empty",), uncapped=0.9)
    results = [combined(Score(value), capped, 3.0) for value in (1.0, 0.0, None)]
    assert [result.score for result in results] == pytest.approx([0.3, 0.225, 0.3])
    assert [result.uncapped for result in results] == pytest.approx([0.925, 0.675, 0.9])
    assert {result.caps for result in results} == {("empty",)}


def test_without_a_cap_the_score_is_the_one_before_caps() -> None:
    given = [ItemResult(0.5, uncapped=0.5), ItemResult(0.5), None]
    results = [combined(Score(1.0), judged, 1.0) for judged in given]
    assert [(result.score, result.uncapped) for result in results] == [(0.75, 0.75), (0.75, 0.75), (1.0, 1.0)]


def test_the_result_says_what_a_verifier_could_not_judge_and_which_revision_judged() -> None:
    (result,) = scored(TrainingReward(scorer_of({"numeric": {}}), Judges(0.5)), UNKNOWN)
    assert [reason.partition(":")[0] for reason in result.reasons] == ["v0"]
    assert result.revision == "f00d"


def test_no_items_are_no_mistake() -> None:
    assert scored(TrainingReward(scorer_of({"numeric": {}}), Judges())) == []


def test_a_service_of_the_cluster_is_refused_without_one() -> None:
    with pytest.raises(InvalidManifest, match="use url or file"):
        build_reward(parse(Reward, {"serviceRef": {"name": "judges"}}), "agents")
