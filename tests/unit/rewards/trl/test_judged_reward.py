"""The reward function, as TRL and the evaluation of a training call it."""

import asyncio
import inspect
import json
from typing import Any

import pytest
from support.judges.ensembles import AnswerScript, Call, ScriptedModel, failing, item_of, judge_answer, spec_of

from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards.scorer import RewardScorer
from atlas_rewards.trl.judged_reward import JudgedReward


def reward(says: AnswerScript, spec: RewardServiceSpec | None = None) -> JudgedReward:
    return JudgedReward(RewardScorer(spec or spec_of("accuracy"), lambda *_: ScriptedModel(says)))


def rewards(function: JudgedReward, *batch: Any, **columns: Any) -> list[float | None]:
    return asyncio.run(function(*batch, **columns))


def by_answer(call: Call) -> str:
    return failing(call) if call.answer == "unscored" else judge_answer(0.9 if call.answer == "42" else 0.1)


def assistant(text: str | None) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


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
        return judge_answer()

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
        {
            "rewards/accuracy": (0.9 + 0.1 + 0.1) / 3,
            "rewards/exact": 1 / 3,
            "unscored_share": 0.25,
            "unanswered_share": 0.25,
            "refused_share": 0.0,
        }
    )


def test_what_judged_nothing_logs_nothing() -> None:
    logged: dict[str, float] = {}
    spec = spec_of("accuracy", verifiers=[{"name": "exact", "exactMatch": {}}])
    rewards(reward(by_answer, spec), ["q"], ["42"], log_metric=logged.__setitem__)
    assert logged == {"rewards/accuracy": 0.9, "unscored_share": 0.0, "unanswered_share": 0.0, "refused_share": 0.0}


def test_what_judges_could_not_answer_about_is_told_from_what_they_could_not_judge() -> None:
    def away(call: Call) -> str:
        return "I would rather not." if call.answer == "unreadable" else by_answer(call)

    logged: dict[str, float] = {}
    rewards(reward(away), ["q"] * 4, ["42", "unscored", "unreadable", "no"], log_metric=logged.__setitem__)
    assert (logged["unscored_share"], logged["unanswered_share"]) == (0.5, 0.25)


def test_of_messages_the_last_assistant_turn_is_judged() -> None:
    user = [{"role": "user", "content": "6*7?"}]
    completions = [
        [assistant("41"), {"role": "tool", "content": "7"}, assistant("42")],
        [assistant("42"), {"role": "tool", "content": "7"}, assistant(None)],
        [],
    ]
    assert rewards(reward(by_answer), [user] * 3, completions) == [0.9, 0.1, 0.1]


def test_lists_of_different_length_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="2 prompts for 1 completions"):
        rewards(reward(by_answer), ["q", "q"], ["42"])


def test_batches_of_any_event_loop_and_evaluations_share_what_is_open() -> None:
    closed: list[ScriptedModel] = []

    class Closing(ScriptedModel):
        async def close(self) -> None:
            closed.append(self)

    opened: list[ScriptedModel] = []

    def opening(*_: object) -> ScriptedModel:
        opened.append(Closing(by_answer))
        return opened[-1]

    function = JudgedReward(RewardScorer(spec_of("accuracy"), opening))
    assert rewards(function, ["q"], ["42"]) == rewards(function, ["p"], ["42"]) == [0.9]
    assert [result.score for result in function.score_sync([item_of("42")])] == [0.9]
    function.close()
    assert len(opened) == 1
    assert closed == opened


def test_while_a_batch_is_scored_the_event_loop_of_trl_goes_on() -> None:
    async def both() -> list[float | None]:
        said_ = asyncio.get_running_loop().create_future()

        def later(call: Call) -> str:
            said_.get_loop().call_soon_threadsafe(said_.set_result, None)
            return by_answer(call)

        batch = asyncio.ensure_future(reward(later, spec_of("accuracy", temperatures=[0.2]))(["q"], ["42"]))
        await said_
        return await batch

    assert asyncio.run(both()) == [0.9]


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
