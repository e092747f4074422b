"""Judges over real HTTP: the library against a scripted server."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.judges.ensembles import FOUR, item_of, spec_of
from support.judges.injections import INJECTIONS
from support.judges.judge_replies import JudgeRequest, Rates, Reply, Script, by_content, fenced, hang, verdict
from support.judges.scripted_judge import ScriptedJudge

from atlas_rewards import Item, ItemResult, RewardScorer
from atlas_rewards.trl.judged_reward import JudgedReward


def scored(judge: ScriptedJudge, items: Sequence[Item], **changes: Any) -> list[ItemResult]:
    async def score() -> list[ItemResult]:
        async with RewardScorer(spec_of(base_url=judge.base_url, **changes)) as service:
            return await service.score(items)

    return asyncio.run(score())


def of_model(small: Script, large: Script) -> Script:
    return lambda request: (small if request.model == "small" else large)(request)


def always(reply: Reply) -> Script:
    return lambda _: reply


def disagreeing(request: JudgeRequest) -> Reply:
    return verdict({0.2: 0.1, 0.5: 0.9, 0.8: 0.5}[request.temperature])


def test_a_score_with_all_that_led_to_it() -> None:
    with ScriptedJudge(of_model(disagreeing, always(fenced(verdict(0.4, 0.2, "Decided."))))) as judge:
        (result,) = scored(judge, [item_of(reference="42")])
    assert result.score == pytest.approx(0.4)
    assert [judge.name for judge in result.judges] == list(FOUR)
    for one in result.judges:
        assert (one.score, one.rationale, one.uncertainty) == (0.4, "Decided.", 0.2)
        assert (one.escalated, one.escalation_reason) == (True, "disagreement")
        assert [(sample.score, sample.temperature) for sample in one.samples] == [(0.1, 0.2), (0.9, 0.5), (0.5, 0.8)]
        assert [principle.name for principle in one.principles] == ["correctness", "clarity"]


def test_a_verdict_that_was_cut_says_what_to_raise() -> None:
    cut = Reply('{"rationale": "It is', finish_reason="length")
    with ScriptedJudge(of_model(always(cut), always(cut))) as judge:
        (alone,) = scored(judge, [item_of()], large=False)
        (both,) = scored(judge, [item_of()])
    assert alone.judges[0].reason is not None
    assert alone.judges[0].reason.endswith("the answer was cut at maxTokens; raise models.small.maxTokens")
    assert both.judges[0].reason is not None
    assert "raise models.large.maxTokens" in both.judges[0].reason


def test_a_verdict_that_was_complete_before_the_cut_counts() -> None:
    with ScriptedJudge(always(replace(verdict(0.4), finish_reason="length"))) as judge:
        (result,) = scored(judge, [item_of()])
    assert result.score == pytest.approx(0.4)


def test_all_questions_about_all_items_are_put_at_once() -> None:
    with ScriptedJudge(Rates(latency=3.0)) as judge:  # long enough to put the last before the first is answered
        scored(judge, [item_of(f"answer {number}") for number in range(8)], concurrency=96)
        assert (judge.count, judge.most_in_flight) == (96, 96)


def test_no_more_questions_are_put_at_once_than_allowed() -> None:
    def script(request: JudgeRequest) -> Reply:
        return replace(by_content(request), latency=3.0 if request.number < 7 else 0.01)  # long enough to put seven

    with ScriptedJudge(script) as judge:
        scored(judge, [item_of(f"answer {number}") for number in range(8)], concurrency=7)
        assert (judge.count, judge.most_in_flight) == (96, 7)


def test_with_faults_every_item_has_a_score_or_says_why_not_and_none_is_late() -> None:
    items = [item_of(f"answer {number}") for number in range(60)]
    with ScriptedJudge(Rates(errors=0.1, hangs=0.05, garbage=0.05)) as judge:
        results = scored(
            judge,
            items,
            timeouts={"callSeconds": 2.0, "totalSeconds": 20.0},
            retries={"attempts": 3, "baseSeconds": 0.01},
            quorum=4,
        )
    for result in results:
        assert result.seconds < 25.0
        assert (result.score is None) == (sum(one.score is not None for one in result.judges) < 4)
        assert result.score is not None or result.reasons
        assert all(one.score is not None or one.reason for one in result.judges)
    assert sum(result.score is not None for result in results) > 30


def test_when_nobody_listens_there_is_no_score_and_the_reason() -> None:
    with ScriptedJudge() as judge:
        pass
    retries = {"attempts": 2, "baseSeconds": 0.01}
    (result,) = scored(judge, [item_of()], retries=retries, circuitBreaker={"failures": 100})
    assert result.score is None
    assert result.reasons[0] == "0 of 4 judges gave a verdict; the quorum is 1"
    assert all("unreachable" in reason for reason in result.reasons[1:])


def test_who_does_not_answer_in_time_gives_no_verdict() -> None:
    timeouts = {"callSeconds": 30.0, "totalSeconds": 0.3}
    with ScriptedJudge(Rates(latency=20.0)) as judge:
        (result,) = scored(judge, [item_of()], timeouts=timeouts)
    assert result.score is None
    assert all("deadline" in (one.reason or "") for one in result.judges)


def test_with_one_call_at_a_time_the_large_model_still_gets_its_turn() -> None:
    items = [item_of(f"answer {number}") for number in range(4)]
    with ScriptedJudge(of_model(disagreeing, always(verdict(0.4)))) as judge:
        results = scored(judge, items, concurrency=1)
        assert (judge.count, judge.most_in_flight) == (4 * 4 * (3 + 1), 1)
    assert [result.score for result in results] == [pytest.approx(0.4)] * 4


def test_items_that_nobody_could_be_asked_about_in_time_say_so() -> None:
    timeouts = {"callSeconds": 30.0, "totalSeconds": 0.5}
    with ScriptedJudge(always(hang())) as judge:
        results = scored(judge, [item_of(f"answer {number}") for number in range(30)], timeouts=timeouts, concurrency=8)
        assert judge.count <= 8
    assert [result.score for result in results] == [None] * 30
    assert all("waits for its turn among the calls in flight" in " ".join(result.reasons) for result in results[3:])


def test_what_was_judged_before_costs_nothing_over_restarts(tmp_path: Path) -> None:
    items = [item_of(f"answer {number}") for number in range(5)]
    cache = {"path": str(tmp_path / "answers.sqlite")}
    with ScriptedJudge() as judge:
        first = scored(judge, items, cache=cache)
        calls = judge.count
        again = scored(judge, [*items, item_of("new")], cache=cache)
        assert (calls, judge.count) == (60, 72)
    assert [result.score for result in again[:5]] == [result.score for result in first]


def test_an_answer_that_is_no_verdict_is_not_remembered() -> None:
    def bad_first(request: JudgeRequest) -> Reply:
        return by_content(request) if request.repeated else Reply("I would rather not say.")

    async def twice(base_url: str) -> list[float | None]:
        spec = spec_of(base_url=base_url, large=False)
        async with RewardScorer(spec) as service:
            return [(await service.score([item_of()]))[0].score for _ in range(2)]

    with ScriptedJudge(bad_first) as judge:
        first, second = asyncio.run(twice(judge.base_url))
    assert first is None
    assert second is not None


def test_attempts_do_not_change_each_others_scores() -> None:
    innocent = item_of("It is 42.", reference="42")
    items = [item_of(text, text, reference=text, principles=text) for text in INJECTIONS.values()]
    plain = {"antiGaming": {"enabled": False}, "temperatures": [0.2]}
    with ScriptedJudge() as judge:
        (alone,) = scored(judge, [innocent], **plain)
        together = scored(judge, [*items, innocent], **plain)
        backwards = scored(judge, [innocent, *reversed(items)], **plain)
    assert together[-1].score == backwards[0].score == alone.score
    assert [result.score for result in together[:-1]] == [result.score for result in reversed(backwards[1:])]
    assert all(result.score is not None for result in together)


def test_the_awaited_reward_scores_a_batch() -> None:
    async def rewards(base_url: str) -> list[float | None]:
        async with RewardScorer(spec_of("accuracy", base_url=base_url)) as service:
            return await JudgedReward(service)(["6*7?"] * 2, ["42", "41"], reference=["42"] * 2)

    with ScriptedJudge(lambda request: verdict(0.9 if "\n42\n<<END ANSWER" in request.text else 0.1)) as judge:
        assert asyncio.run(rewards(judge.base_url)) == [0.9, 0.1]


SCRIPT = """
import json, sys
from atlas_api import parse
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_rewards import Item, RewardService
service = RewardService(parse(RewardServiceSpec, json.loads(sys.argv[1])))
print(service.score_sync([Item("It is 42.")])[0].score)
"""


@pytest.mark.parametrize("remembers", [False, True])
def test_a_program_that_closes_nothing_ends_in_silence(tmp_path: Path, remembers: bool) -> None:
    with ScriptedJudge(always(verdict(0.6))) as judge:
        spec = {
            "judges": [{"name": "accuracy", "rubric": "accuracy"}],
            "models": {"small": {"model": "small", "baseUrl": judge.base_url}},
            "cache": {"path": str(tmp_path / "answers.db")} if remembers else {},
        }
        ended = subprocess.run(
            [sys.executable, "-W", "always", "-c", SCRIPT, json.dumps(spec)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert (ended.stdout, ended.stderr) == ("0.6\n", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.db"] * remembers
