"""The life of the scoring service as a process: readiness, new configurations, kills, and the end."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.judges.judge_replies import JudgeRequest, Reply, by_content, hang, refusal, verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import (
    code,
    holding,
    item,
    results,
    service_manifest,
    serving,
    slow,
    until,
    write_manifest,
)

from atlas_rewards.server.http.scoring_endpoint import GRACE_SECONDS
from atlas_rewards.server.server import CONNECTION_DRAIN_SECONDS


@pytest.fixture(scope="module")
def judge() -> Iterator[ScriptedJudge]:
    with ScriptedJudge() as running:
        yield running


def test_it_is_ready_while_the_quorum_answers(judge: ScriptedJudge, tmp_path: Path) -> None:
    judge.script = lambda _: refusal(400, message="the quota of card 4711 is used up")
    manifest = service_manifest(judge.base_url, cache={"entries": 0})
    with serving(write_manifest(tmp_path / "service.yaml", manifest), tmp_path / "log") as served:
        refused = served.get("/readyz")
        assert refused.status_code == 503
        assert refused.text == "0 of 1 judges gave a verdict; the quorum is 1; accuracy: refused\n"
        assert "card 4711" in served.get("/v1/judges").json()["problem"]
        assert any("card 4711" in line["message"] for line in served.lines())
        assert served.get("/v1/judges").json()["judges"][0]["state"] == "Failing"
        judge.script = by_content
        until(lambda: served.get("/readyz").status_code == 200)
        answering = served.get("/v1/judges").json()
        assert (answering["judges"][0]["state"], answering["problem"]) == ("Answering", None)
        calls = judge.count
        assert [served.get("/readyz").status_code for _ in range(5)] == [200] * 5
        assert judge.count == calls


def mount(folder: Path, version: str, manifest: dict[str, Any]) -> Path:
    """What the kubelet does with a ConfigMap: a new folder, and a link that is replaced at once."""
    (folder / version).mkdir()
    write_manifest(folder / version / "service.yaml", manifest)
    (folder / "next").symlink_to(version)
    (folder / "next").rename(folder / "..data")
    if not (folder / "service.yaml").exists():
        (folder / "service.yaml").symlink_to("..data/service.yaml")
    return folder / "service.yaml"


def test_a_new_configuration_under_load_loses_no_request(judge: ScriptedJudge, tmp_path: Path) -> None:
    judge.script = slow(0.05)
    with serving(mount(tmp_path, "v1", service_manifest(judge.base_url)), tmp_path / "log") as served:
        first = served.get("/v1/config").json()["revision"]
        answers: list[tuple[int, str]] = []
        enough = threading.Event()

        def load(name: int) -> None:
            with served.client as client:
                for number in range(100_000):
                    answer = client.post("/v1/score", json={"items": [item(f"{name} {number}"), item(f"{number}")]})
                    answers.append((answer.status_code, answer.json()["revision"]))
                    assert all(one["score"] is not None for one in answer.json()["results"])
                    if enough.is_set():
                        return

        loaders = [threading.Thread(target=load, args=(name,)) for name in range(4)]
        for loader in loaders:
            loader.start()
        until(lambda: len(answers) > 20)
        mount(tmp_path, "v2", service_manifest(judge.base_url, escalation={"scoreStd": 0.2}))
        until(lambda: served.get("/v1/config").json()["revision"] != first)
        seen = len(answers)
        until(lambda: len(answers) > seen + 20)
        enough.set()
        for loader in loaders:
            loader.join()
        second = served.get("/v1/config").json()["revision"]
        assert {status for status, _ in answers} == {200}
        assert {revision for _, revision in answers} == {first, second}
        assert answers[-1][1] == second
        until(lambda: served.metric('atlas_rewards_reloads_total{result="taken"}') == 1)


def test_what_was_spent_and_the_answers_in_memory_outlast_a_configuration(judge: ScriptedJudge, tmp_path: Path) -> None:
    judge.script = by_content
    spec = {"budget": {"callsPerMinute": 2}, "timeouts": {"totalSeconds": 5}}
    config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url, concurrency=10, **spec))
    with serving(config, tmp_path / "log") as served:
        first = results(served.score(item("one"), item("two")))
        assert None not in [one["score"] for one in first]
        before = served.get("/v1/config").json()["generation"]
        write_manifest(config, service_manifest(judge.base_url, concurrency=11, **spec))
        until(lambda: served.get("/v1/config").json()["generation"] != before)
        known, unpaid = results(served.score(item("one"), item("three")))
        assert known["score"] == first[0]["score"]
        assert unpaid["score"] is None
        assert "budget.callsPerMinute of 2 is used up" in unpaid["reasons"][1]


def test_a_configuration_with_mistakes_is_refused_and_the_old_one_stays(judge: ScriptedJudge, tmp_path: Path) -> None:
    good = service_manifest(judge.base_url)
    with serving(mount(tmp_path, "v1", good), tmp_path / "log") as served:
        before = served.get("/v1/config").json()
        mount(tmp_path, "v2", service_manifest(judge.base_url, quorum=2, colour="red"))
        until(lambda: served.get("/v1/config").json()["refused"])
        now = served.get("/v1/config").json()
        assert (now["revision"], now["generation"]) == (before["revision"], before["generation"])
        assert len(now["refused"]["problems"]) == 2
        assert served.score(item()).status_code == 200
        assert served.metric('atlas_rewards_reloads_total{result="refused"}') == 1
        assert any(line["level"] == "error" and "colour" in line["message"] for line in served.lines())
        mount(tmp_path, "v3", good)
        until(lambda: served.get("/v1/config").json()["refused"] is None)


def test_a_token_that_was_replaced_is_asked_for(judge: ScriptedJudge, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    manifest = service_manifest(judge.base_url, tokenFrom={"file": str(tmp_path / "token")})
    with serving(write_manifest(tmp_path / "service.yaml", manifest), tmp_path / "log", token="second") as served:
        assert served.score(item()).status_code == 401
        (tmp_path / "token").write_text("second")
        until(lambda: served.score(item()).status_code == 200)


def test_a_token_is_replaced_also_while_a_newer_configuration_is_refused(judge: ScriptedJudge, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    good = service_manifest(judge.base_url, tokenFrom={"file": str(tmp_path / "token")})
    elsewhere = service_manifest(judge.base_url, tokenFrom={"file": str(tmp_path / "elsewhere")})
    config = write_manifest(tmp_path / "service.yaml", good)
    with serving(config, tmp_path / "log", token="first") as served:
        write_manifest(config, elsewhere)
        until(lambda: served.get("/v1/config").json()["refused"])
        (tmp_path / "token").write_text("second")
        until(lambda: served.get("/v1/config").status_code == 401)
        served.token = "second"
        shown = served.get("/v1/config").json()
        assert shown["refused"]["problems"]
        assert shown["configuration"]["tokenFrom"] == {"file": str(tmp_path / "token")}
        (tmp_path / "elsewhere").write_text("third")
        until(lambda: served.get("/v1/config").status_code == 401)
        served.token = "third"
        assert served.get("/v1/config").json()["refused"] is None


def test_a_retry_after_kill_minus_nine_gets_the_same_answers(judge: ScriptedJudge, tmp_path: Path) -> None:
    """The judge never says the same twice, so only what was remembered can be the same."""
    given: dict[str, float] = {}
    killed = threading.Event()

    def script(request: JudgeRequest) -> Reply:
        number = int(request.text.split("completion number ")[1].split(" ")[0])
        score = round(0.1 + (request.number % 800) / 1000, 3)
        given.setdefault(str(number), score)
        return verdict(score, uncertainty=0.0) if number < 20 or killed.is_set() else hang()

    judge.script = script
    manifest = service_manifest(judge.base_url, cache={"path": str(tmp_path / "cache.sqlite")})
    config = write_manifest(tmp_path / "service.yaml", manifest)
    batch = [item(f"completion number {number} of many") for number in range(30)]
    with serving(config, tmp_path / "log1") as served:
        port = int(served.url.rpartition(":")[2])
        broken: list[Exception] = []

        def ask() -> None:
            try:
                served.score(*batch)
            except httpx.HTTPError as error:
                broken.append(error)

        client = threading.Thread(target=ask)
        calls = judge.count
        client.start()
        until(lambda: served.metric('atlas_rewards_model_calls_total{model="small",outcome="answered"}') == 20)
        until(lambda: len(rows(tmp_path / "cache.sqlite")) == 20)
        until(lambda: judge.count == calls + 30)
        served.kill()
        client.join()
        assert broken
    calls = judge.count
    killed.set()
    with serving(config, tmp_path / "log2", port) as served:
        first = [one["score"] for one in results(served.score(*batch))]
        assert first[:20] == [given[str(number)] for number in range(20)]
        assert judge.count - calls == 10
        assert [one["score"] for one in results(served.score(*batch))] == first


def rows(file: Path) -> list[Any]:
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        (table,) = next(iter(database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")))
        found = list(database.execute(f"SELECT * FROM {table}"))
    database.close()
    return found


def test_sigterm_finishes_what_was_taken_and_in_the_end_takes_nothing_new(judge: ScriptedJudge, tmp_path: Path) -> None:
    checked = threading.Event()
    judge.script = holding(checked)
    with serving(
        write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url)), tmp_path / "log"
    ) as served:
        answers: list[httpx.Response] = []
        client = threading.Thread(target=lambda: answers.append(served.score(item(), item("other"))))
        client.start()
        until(lambda: served.metric("atlas_rewards_waiting_items") == 2)
        served.terminate()
        until(lambda: served.get("/readyz").status_code == 503)
        until(lambda: any("finished first" in line["message"] for line in served.lines()))
        refused = served.score(item())
        assert code(refused) == (503, "shuttingDown")
        assert refused.headers["Retry-After"] == "1"
        checked.set()
        client.join()
        assert [one["score"] for one in results(answers[0])] == [0.5, 0.5]
        assert served.process.wait(30) == 0
        assert served.lines()[-1]["message"] == "ended"


def test_sigterm_waits_as_long_as_the_configuration_allows_that_took_the_request(
    judge: ScriptedJudge, tmp_path: Path
) -> None:
    judge.script = slow(CONNECTION_DRAIN_SECONDS + GRACE_SECONDS + 5.0)
    config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
    with serving(config, tmp_path / "log") as served:
        answers: list[httpx.Response] = []
        client = threading.Thread(target=lambda: answers.append(served.score(item())))
        client.start()
        until(lambda: served.metric("atlas_rewards_waiting_items") == 1)
        write_manifest(config, service_manifest(judge.base_url, timeouts={"callSeconds": 1, "totalSeconds": 1}))
        until(lambda: served.get("/v1/config").json()["generation"] == 2)
        served.terminate()
        client.join()
        assert [one["score"] for one in results(answers[0])] == [0.5]
        assert served.process.wait(30) == 0


def test_sigterm_sends_clients_away_that_keep_their_connections(judge: ScriptedJudge, tmp_path: Path) -> None:
    """A load balancer has no say where a kept connection leads, so each client is told, and none is refused."""
    config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
    with serving(config, tmp_path / "log") as served, served.client as first, served.client as second:
        request = {"items": [item()]}
        answers = [client.post("/v1/score", json=request) for client in (first, second, first, second)]
        assert not any("Connection" in answer.headers for answer in answers)
        served.terminate()
        until(lambda: any("shutting down" in line["message"] for line in served.lines()))
        last = [client.post("/v1/score", json=request) for client in (first, second)]
        assert [(answer.status_code, answer.headers["Connection"]) for answer in last] == [(200, "close")] * 2
        assert served.process.wait(30) == 0


def test_sigterm_does_not_wait_for_ever_for_a_client_that_is_silent(judge: ScriptedJudge, tmp_path: Path) -> None:
    config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url))
    with serving(config, tmp_path / "log") as served, served.client as silent:
        assert silent.get("/healthz").status_code == 200
        served.terminate()
        assert served.process.wait(30) == 0


def test_verifiers_that_hang_hold_up_neither_other_items_nor_a_change_nor_the_end(
    judge: ScriptedJudge, tmp_path: Path
) -> None:
    judge.script = by_content
    verifier = {"name": "slow", "python": {"entryPoint": "support.verifiers.slow_verifier:sleeps_when_told"}}
    spec = {"verifiers": [verifier], "timeouts": {"callSeconds": 1, "totalSeconds": 2}}
    config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url, **spec))
    with serving(config, tmp_path / "log", PYTHONPATH=python_path()) as served:
        hung = results(served.score(*(item(f"sleep {number}") for number in range(12))))
        assert [one["verifiers"]["slow"] for one in hung] == [None] * 12
        (innocent,) = results(served.score(item()))
        assert (innocent["verifiers"]["slow"], innocent["reasons"]) == (1.0, [])
        before = served.get("/v1/config").json()["generation"]
        write_manifest(config, service_manifest(judge.base_url, **spec, escalation={"scoreStd": 0.2}))
        until(lambda: served.get("/v1/config").json()["generation"] != before)
        served.terminate()
        assert served.process.wait(30) == 0


def python_path() -> str:
    """Where a service finds the verifiers of the tests."""
    return os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
