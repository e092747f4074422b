"""The awaited reward function, as TRL calls it."""

import asyncio
import inspect
import json
from typing import Any

import pytest
from support.ensembles import Call, Says, SaysModel, failing, said, spec_of

from atlas_api.rewardservice import RewardServiceSpec
from atlas_rewards.judged_reward import JudgedReward
from atlas_rewards.reward_service import RewardService


def reward(says: Says, spec: RewardServiceSpec | None = None) -> JudgedReward:
    return JudgedReward(RewardService(spec or spec_of("accuracy"), lambda *_: SaysModel(says)))


def rewards(function: JudgedReward, *batch: Any, **columns: Any) -> list[float | None]:
    return asyncio.run(function(*batch, **columns))


def by_answer(call: Call) -> str:
    return failing(call) if call.answer == "unscored" else said(0.9 if call.answer == "42" else 0.1)


def test_trl_can_see_that_it_is_awaited() -> None:
    function = reward(by_answer)
    assert inspect.iscoroutinefunction(type(function).__call__)
    assert function.__name__ == "judges"


def test_one_number_or_none_for_each_completion() -> None:
    said_ = rewards(
        reward(by_answer), ["q"] * 3, ["42", "unscored", "no"], completion_ids=[[1]] * 3, trainer_state=object()
    )
    assert said_ == [0.9, None, 0.1]


def test_judges_see_the_columns_of_the_dataset() -> None:
    seen: list[str] = []

    def remember(call: Call) -> str:
        seen.append(call.material)
        return said()

    columns = {"reference": ["the reference"], "plan": [{"steps": [1, 2]}], "teacher_trace": ["count"]}
    rewards(reward(remember, spec_of("helpfulness")), [[{"role": "user", "content": "q"}]], [[]], **columns)
    assert all(part in seen[0] for part in ("the reference", '{"steps": [1, 2]}', "count"))


def test_means_are_logged_over_what_each_could_judge() -> None:
    logged: dict[str, float] = {}
    spec = spec_of("accuracy", verifiers=[{"name": "exact", "exactMatch": {}}])
    rewards(
        reward(by_answer, spec),
        ["q"] * 4,
        ["42", "unscored", "no", "no!"],
        reference=["42", "42", "42", None],
        log_metric=logged.__setitem__,
    )
    assert logged == pytest.approx(
        {"rewards/accuracy": (0.9 + 0.1 + 0.1) / 3, "rewards/exact": 1 / 3, "rewards/unscored": 0.25}
    )


def test_in_group_mode_the_completions_of_a_prompt_are_compared() -> None:
    sizes: list[int] = []

    def ranks(call: Call) -> str:
        sizes.append(len(call.candidates))
        scores = [
            {"candidate": name, "score": float(text), "uncertainty": 0.0} for name, text in call.candidates.items()
        ]
        return json.dumps({"ranking": scores})

    spec = spec_of(judges=[{"name": "accuracy", "rubric": "accuracy", "mode": "group"}], temperatures=[0.2])
    said_ = rewards(reward(ranks, spec), ["p", "q", "p", "q"], ["0.1", "0.2", "0.3", "0.4"])
    assert said_ == [0.1, 0.2, 0.3, 0.4]
    assert sizes == [2, 2]


def test_an_empty_batch_is_no_mistake() -> None:
    logged: dict[str, float] = {}
    assert rewards(reward(by_answer), [], [], log_metric=logged.__setitem__) == []
    assert logged == {}
