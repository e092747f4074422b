"""Judges that compare the completions of a prompt: who is asked about whom, and what a ranking gives each of them."""

import json
from statistics import pstdev

import pytest
from support.judges.ensembles import AnswerScript, Call, item_of, score_with_calls, spec_of

from atlas_rewards.judges.runner import LARGEST_GROUP

RANKED_JUDGES = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]
RANKED = spec_of(judges=RANKED_JUDGES)


def ranks(*best_first: str, uncertainty: float = 0.1) -> AnswerScript:
    """Each candidate by its place in *best_first*."""

    def says(call: Call) -> str:
        entries = [
            {
                "candidate": name,
                "score": max(0.0, 1 - best_first.index(answer) / 10),
                "uncertainty": uncertainty,
                "rationale": answer,
            }
            for name, answer in call.candidates.items()
        ]
        return json.dumps({"ranking": entries})

    return says


def test_a_ranking_gives_each_completion_its_own_score_in_one_call_a_temperature() -> None:
    items = [item_of(answer) for answer in ("c", "a", "b", "a")]
    results, calls = score_with_calls(items, ranks("a", "b", "c"), RANKED)
    assert [result.score for result in results] == [0.8, 1.0, 0.9, 1.0]
    assert len(calls) == 3
    assert [judge.rationale for result in results for judge in result.judges] == ["c", "a", "b", "a"]


def test_a_doubtful_ranking_is_decided_as_a_whole() -> None:
    def says(call: Call) -> str:
        return ranks("b", "a")(call) if call.model == "large" else ranks("a", "b", uncertainty=0.5)(call)

    results, calls = score_with_calls([item_of("a"), item_of("b")], says, RANKED)
    assert [result.score for result in results] == [0.9, 1.0]
    assert [call.model for call in calls].count("large") == 1
    (large,) = [call for call in calls if call.model == "large"]
    (first, _) = large.candidates
    assert f"About {first}:" in large.material


def test_one_doubtful_place_is_enough_and_every_candidate_says_why() -> None:
    def says(call: Call) -> str:
        doubts = {"a": 0.9, "b": 0.1}
        named = call.candidates.items()
        return json.dumps({"ranking": [{"candidate": n, "score": 0.5, "uncertainty": doubts[t]} for n, t in named]})

    results, _ = score_with_calls([item_of("a"), item_of("b")], says, RANKED)
    assert [result.judges[0].escalation_reason for result in results] == ["uncertainty"] * 2


def test_completions_of_different_prompts_are_never_compared() -> None:
    items = [item_of(answer, prompt) for prompt in ("p", "q") for answer in ("a", "b")]
    _, calls = score_with_calls(items, ranks("a", "b"), RANKED)
    assert len(calls) == 6
    assert all(len(call.candidates) == 2 for call in calls)


def test_a_group_that_is_too_large_for_one_ranking_is_not_asked_about() -> None:
    texts = [f"answer {number}" for number in range(LARGEST_GROUP + 1)]
    results, calls = score_with_calls([item_of(text) for text in texts[1:]], ranks(*texts), RANKED)
    assert None not in {result.score for result in results}
    assert calls
    results, calls = score_with_calls([item_of(text) for text in texts], ranks(*texts), RANKED)
    assert calls == []
    assert {result.score for result in results} == {None}
    (reason,) = {judge.reason for result in results for judge in result.judges}
    assert reason is not None
    assert "at most 64 different completions of a prompt, and there are 65; send fewer in one request" in reason


def test_rankings_that_disagree_and_that_nobody_reviews_are_uncertain() -> None:
    spec = spec_of(judges=RANKED_JUDGES, large=False)
    results, _ = score_with_calls(
        [item_of("a"), item_of("b")],
        lambda call: ranks("a", "b")(call) if call.temperature < 0.8 else ranks("b", *"xxxxxxx", "a")(call),
        spec,
    )
    assert [result.score for result in results] == [1.0, 0.9]
    assert [result.judges[0].uncertainty for result in results] == [pytest.approx(pstdev([1, 1, 0.2])), 0.1]
