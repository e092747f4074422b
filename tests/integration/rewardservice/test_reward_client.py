"""`RewardClient` against services in processes of their own, and against one that refuses by script."""

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.judges.judge_replies import JudgeRequest, Reply, by_content, hang, verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.scripted_service import ScriptedService, scripted_service
from support.rewardservice.served import service_manifest, serving, until, write_manifest

from atlas_api import InvalidManifest
from atlas_api.errors import AccessDenied, SourceUnreachable
from atlas_rewards import Item, ItemResult, RewardScorer
from atlas_rewards.client.reward_client import AT_ONCE, RewardClient
from atlas_rewards.client.service_settings import BATCH, read_settings

DIFFERENT = 60
"""Completions of a prompt that differ; group mode compares no more than 64, and the same ones once."""

GROUPS = [{"name": "accuracy", "rubric": "accuracy", "mode": "group"}]


@contextmanager
def client(url: str, patience: float = 30.0) -> Iterator[RewardClient]:
    made = RewardClient(url, patience=patience)
    try:
        yield made
    finally:
        made.close_sync()


def items_of(prompts: int, each: int) -> list[Item]:
    """*each* completions of every prompt, one prompt after the other."""
    return [
        Item(f"answer {place % DIFFERENT}", prompt=({"role": "user", "content": f"prompt {prompt}"},))
        for prompt in range(prompts)
        for place in range(each)
    ]


def scores(results: list[ItemResult]) -> list[float | None]:
    return [result.score for result in results]


def by_rivals(question: JudgeRequest) -> Reply:
    """A ranking in which a score says among how many."""
    names = sorted(set(re.findall(r"<<(C\d+) ANSWER", question.text)))
    one = {"rationale": "", "uncertainty": 0.0, "score": len(names) / 100}
    return Reply(json.dumps({"ranking": [{"candidate": name, **one} for name in names]})) if names else verdict(0.0)


@pytest.mark.parametrize(("prompts", "each"), [(12, 6), (9, 10), (1, BATCH + 6), (3, 1)])
def test_judges_that_compare_see_the_same_groups_here_and_there(tmp_path: Path, prompts: int, each: int) -> None:
    items = items_of(prompts, each)[::2] + items_of(prompts, each)[1::2]
    with ScriptedJudge(by_rivals) as judge:
        config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url, judges=GROUPS))
        with RewardScorer.from_file(config) as service, serving(config, tmp_path / "log") as served:
            here = service.score_sync(items)
            with client(served.url) as elsewhere:
                there = elsewhere.score_sync(items)
    assert scores(here) == [min(each, DIFFERENT) / 100 if each > 1 else 0.0] * len(items)
    assert scores(there) == scores(here)


def test_a_service_that_takes_fewer_items_gets_smaller_requests_with_whole_groups(tmp_path: Path) -> None:
    with ScriptedJudge(by_rivals) as judge:
        manifest = service_manifest(judge.base_url, judges=GROUPS, limits={"items": 32})
        with serving(write_manifest(tmp_path / "service.yaml", manifest), tmp_path / "log") as served:
            with client(served.url) as elsewhere:
                assert scores(elsewhere.score_sync(items_of(12, 6))) == [0.06] * 72
            assert served.metric('atlas_rewards_requests_total{code="413",path="/v1/score"}') == 0
            assert served.metric('atlas_rewards_requests_total{code="200",path="/v1/score"}') == 3


def test_a_prompt_with_more_completions_than_the_service_takes_is_asked_in_parts_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedJudge(by_rivals) as judge:
        manifest = service_manifest(judge.base_url, judges=GROUPS, limits={"items": 4})
        with (
            serving(write_manifest(tmp_path / "service.yaml", manifest), tmp_path / "log") as served,
            client(served.url) as elsewhere,
        ):
            assert scores(elsewhere.score_sync(items_of(1, 6))) == [0.03] * 6
    assert "6 completions of a prompt are more than the reward service takes at once" in caplog.text


def test_messages_whose_content_is_a_list_of_parts_score_the_same_here_and_there(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "What is 6*7?"}]
    items = [Item("It is 42.", prompt=({"role": "user", "content": parts},))]
    with ScriptedJudge(by_content) as judge:
        config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
        with (
            RewardScorer.from_file(config) as service,
            serving(config, tmp_path / "log") as served,
            client(served.url) as elsewhere,
        ):
            (here,), (there,) = service.score_sync(items), elsewhere.score_sync(items)
    assert here.score is not None
    assert there.score == here.score


def test_half_a_character_costs_one_item_and_not_the_request(tmp_path: Path) -> None:
    with ScriptedJudge(by_content) as judge:
        config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
        with serving(config, tmp_path / "log") as served, client(served.url) as elsewhere:
            good, bad = elsewhere.score_sync([Item("42"), Item("half \ud800")])
    assert good.score is not None
    assert "half of a surrogate pair" in bad.reasons[0]


def test_numbers_that_json_does_not_have_cost_no_item(tmp_path: Path) -> None:
    facts = {"reward": float("nan"), "stages": [1.5, float("inf")], "more": {"least": -float("inf"), "most": 2}}
    parts = [{"type": "text", "text": "What is 6*7?", "logprob": float("nan")}]
    odd = Item("It is 42.", prompt=({"role": "user", "content": parts},), metadata=facts)
    with ScriptedJudge(by_content) as judge:
        config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
        with serving(config, tmp_path / "log") as served, client(served.url) as elsewhere:
            assert None not in scores(elsewhere.score_sync([Item("42"), odd]))


def test_facts_arrive_as_they_are_and_numbers_that_json_does_not_have_as_null() -> None:
    facts = {"a": float("nan"), "b": [1.5, float("inf"), "x"], "c": {"d": -float("inf"), "e": 2, "f": None}}
    with scripted_service() as service, client(service.url) as elsewhere:
        elsewhere.score_sync([Item("42", metadata=facts)])
    (item,) = service.items
    assert item["metadata"] == {"a": None, "b": [1.5, None, "x"], "c": {"d": None, "e": 2, "f": None}}


def test_a_body_that_is_too_large_is_halved_and_an_item_that_is_has_no_score() -> None:
    items = [Item("short"), Item("x" * 5000), Item("also short")]
    with scripted_service(most_bytes=2000) as service, client(service.url) as elsewhere:
        first, large, last = elsewhere.score_sync(items)
    assert (first.score, large.score, last.score) == (0.5, None, 0.5)
    assert "too large for the reward service" in large.reasons[0]
    assert "raise its limits.bodyBytes" in large.reasons[0]


MANY = [Item(f"answer {number}", prompt=({"role": "user", "content": str(number)},)) for number in range(12 * BATCH)]
"""More than are asked about at the same time."""


def test_requests_are_in_flight_together_up_to_a_bound_and_results_stay_in_order() -> None:
    with scripted_service([(413, {})], together=AT_ONCE) as service, client(service.url) as elsewhere:
        results = elsewhere.score_sync(MANY)
    assert [result.reasons for result in results] == [(item.completion,) for item in MANY]
    assert service.most_in_flight == AT_ONCE
    assert sorted(service.sizes) == [BATCH // 2] * 2 + [BATCH] * 12


def test_a_service_with_little_room_is_not_away_as_long_as_it_answers_some_requests() -> None:
    with scripted_service(seconds=0.4, room=1) as service, client(service.url, patience=3.0) as elsewhere:
        assert scores(elsewhere.score_sync(MANY)) == [0.5] * len(MANY)
    assert service.most_in_flight == 1


def test_a_request_that_fails_ends_the_others() -> None:
    with (
        scripted_service([(401, {})], seconds=0.3) as service,
        client(service.url) as elsewhere,
        pytest.raises(AccessDenied, match="refuses the token"),
    ):
        elsewhere.score_sync(MANY)
    assert len(service.sizes) <= AT_ONCE


def test_who_goes_away_takes_all_requests_along() -> None:
    async def impatient(service: ScriptedService) -> None:
        elsewhere = RewardClient(service.url)
        asking = asyncio.create_task(elsewhere.score(MANY))
        async with asyncio.timeout(30):
            while service.in_flight < AT_ONCE:
                await asyncio.sleep(0.01)
            asking.cancel()
            await asyncio.wait([asking])
            service.release()
            while service.in_flight:
                await asyncio.sleep(0.01)
        await elsewhere.close()

    with scripted_service(together=AT_ONCE + 1) as service:
        asyncio.run(impatient(service))
    assert len(service.sizes) == AT_ONCE


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("wait", ["0", "Wed, 21 Oct 2015 07:28:00 GMT", "soon", None])
def test_what_may_pass_is_tried_again(status: int, wait: str | None) -> None:
    headers = {} if wait is None else {"Retry-After": wait}
    with scripted_service([(status, headers)]) as service, client(service.url) as elsewhere:
        (result,) = elsewhere.score_sync([Item("42")])
    assert result.score == 0.5
    assert service.sizes == [1, 1]


@pytest.mark.parametrize(
    ("status", "explanation"),
    [
        (429, r"is too busy; raise its limits\.waitingItems, or run more replicas \(it says 429: refused\)"),
        (500, r"failed internally; see its log \(it says 500: refused\)"),
        (503, r"cannot be reached; check that it is ready \(it says 503: refused\)"),
    ],
)
def test_what_does_not_pass_is_an_outage_with_a_cure(status: int, explanation: str) -> None:
    with (
        scripted_service([(status, {})] * 100) as service,
        client(service.url, patience=0.1) as elsewhere,
        pytest.raises(SourceUnreachable, match=explanation),
    ):
        elsewhere.score_sync([Item("42")])


def test_something_else_at_the_address_is_told() -> None:
    with (
        scripted_service([(404, {})]) as service,
        client(service.url) as elsewhere,
        pytest.raises(InvalidManifest, match="is no reward service: it says 404: refused; correct the address"),
    ):
        elsewhere.score_sync([Item("42")])


@pytest.mark.parametrize("config", [None, [], {}, {"limits": {"items": "many"}}, {"limits": {"items": 0}}])
def test_a_service_that_says_nothing_useful_of_itself_is_asked_all_the_same(config: Any) -> None:
    with scripted_service(config=config) as service, client(service.url) as elsewhere:
        results = elsewhere.score_sync([Item(f"answer {number}", str(number)) for number in range(BATCH + 1)])
    assert [result.reasons for result in results] == [(f"answer {number}",) for number in range(BATCH + 1)]
    assert sorted(service.sizes) == [1, BATCH]


def test_a_service_is_waited_for_as_long_as_its_items_may_take() -> None:
    settings = read_settings(b'{"configuration": {"timeouts": {"totalSeconds": 5000}}}')
    assert settings.answer_seconds > 5000
    assert settings.patience_seconds >= 5000


@pytest.mark.parametrize("url", ["http://h:abc", "http://h\n", "ftp://h"])
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(InvalidManifest, match=r"serviceRef\.url: names no host, or a port that does not exist"):
        RewardClient(url)


def test_a_name_that_no_domain_can_have_is_told_at_once() -> None:
    with pytest.raises(InvalidManifest, match=r"serviceRef\.url: .*☃\.com"):
        RewardClient("http://☃.com")


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidManifest, match="refer to the token with tokenFrom") as refused:
        RewardClient("http://user:hunter2@rewards")
    assert "hunter2" not in str(refused.value)


def remembered(file: Path) -> int:
    """Answers in the service's cache."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])
        except sqlite3.OperationalError:  # the service is just making it
            return 0


def test_after_kill_minus_nine_in_a_batch_the_clients_retry_gets_the_answers_from_before(tmp_path: Path) -> None:
    """The judge says something else after the kill, so only what was remembered can be the same."""
    items = items_of(1, 30)

    def script(question: JudgeRequest) -> Reply:
        return hang() if int(re.findall(r"answer (\d+)", question.text)[-1]) >= 20 else verdict(0.25, 0.0)

    with ScriptedJudge(script) as judge:
        manifest = service_manifest(judge.base_url, cache={"path": str(tmp_path / "cache.sqlite")})
        config = write_manifest(tmp_path / "service.yaml", manifest)
        results: list[ItemResult] = []
        with serving(config, tmp_path / "log1") as served, client(served.url, patience=300) as elsewhere:
            asking = threading.Thread(target=lambda: results.extend(elsewhere.score_sync(items)))
            asking.start()
            until(lambda: remembered(tmp_path / "cache.sqlite") == 20)
            served.kill()
            judge.script = lambda _: verdict(0.75, 0.0)
            with serving(config, tmp_path / "log2", int(served.url.rpartition(":")[2])):
                asking.join()
    assert scores(results) == [0.25] * 20 + [0.75] * 10
