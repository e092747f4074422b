"""The reward function as TRL calls it."""

from typing import Any

import pytest
from support.rewards import scorer_of

from atlas_rewards.training_reward import TrainingReward
from atlas_rewards.trl_reward import TrlReward


def make_reward() -> TrlReward:
    return TrlReward(TrainingReward(scorer_of({"numeric": {}}, {"exactMatch": {}}), None))


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def assistant(text: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def test_one_number_or_none_for_each_completion() -> None:
    rewards = make_reward()(
        prompts=["6*7?", "6*7?", "6*7?"],
        completions=["42", "= 42", "42"],
        completion_ids=[[1], [2], [3]],
        reference=["42", "42", None],
        trainer_state=object(),
    )
    assert rewards == [1.0, 0.5, None]


def test_of_messages_the_last_assistant_turn_is_judged() -> None:
    reward = make_reward()
    completions = [
        [assistant("41"), {"role": "tool", "content": "7"}, assistant("42")],
        [assistant("42"), {"role": "tool", "content": "7"}, assistant(None)],
        [],
    ]
    assert reward([user("6*7?")] * 3, completions, reference=["42"] * 3) == [1.0, 0.0, 0.0]


def test_the_mean_of_each_verifier_is_logged_over_what_it_could_judge() -> None:
    logged: dict[str, float] = {}
    make_reward()(["p"] * 3, ["42", "= 42", "42"], reference=["42", "42", None], log_metric=logged.__setitem__)
    assert logged == {"rewards/v0": 1.0, "rewards/v1": 0.5}


def test_a_verifier_that_judged_nothing_logs_nothing() -> None:
    logged: dict[str, float] = {}
    make_reward()(["p"], ["42"], log_metric=logged.__setitem__)
    assert logged == {}


def test_lists_of_different_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="shorter"):
        make_reward()(["p", "p"], ["1"])


def test_it_has_a_name_for_trl() -> None:
    assert make_reward().__name__ == "reward"
