"""The scoring service as a process, asked over HTTP, with a scripted judge behind it."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from support.judges.judge_replies import by_content, hang, refusal
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import (
    Served,
    code,
    holding,
    item,
    results,
    service_manifest,
    serving,
    until,
    write_manifest,
)

TOKEN = "t0ken-of-the-tests"
SECRET_WORDS = "the words of this completion are nobody's business"


@pytest.fixture(scope="module")
def judge() -> Iterator[ScriptedJudge]:
    with ScriptedJudge() as running:
        yield running


@pytest.fixture(scope="module")
def shared(judge: ScriptedJudge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with small limits and a token; tests leave it as they find it."""
    folder = tmp_path_factory.mktemp("service")
    (folder / "token").write_text(f"{TOKEN}\n")
    manifest = service_manifest(
        judge.base_url,
        verifiers=[{"name": "right", "numeric": {}}],
        tokenFrom={"file": str(folder / "token")},
        limits={"items": 8, "bodyBytes": 65536, "waitingItems": 12},
        cache={"entries": 0},
    )
    with serving(write_manifest(folder / "service.yaml", manifest), folder / "log", token=TOKEN) as served:
        yield served


@pytest.fixture
def service(shared: Served, judge: ScriptedJudge) -> Iterator[Served]:
    yield shared
    judge.script = by_content
    assert shared.process.poll() is None, shared.log.read_text()
    assert shared.score(item()).status_code == 200


# Scoring.


def test_every_item_gets_one_result_in_order(service: Served) -> None:
    found = results(service.score(*(item(f"It is {number}.", reference="3") for number in range(8))))
    assert [one["verifiers"]["right"] for one in found] == [0, 0, 0, 1, 0, 0, 0, 0]
    assert all(one["judges"][0]["score"] is not None for one in found)
    assert {one["revision"] for one in found} == {service.get("/v1/config").json()["revision"]}


def test_an_item_with_a_mistake_says_so_and_spoils_no_other(service: Served) -> None:
    good, wrong, both, none = results(
        service.score(item(), item(completion=7, colour="red"), item(response="again"), {"prompt": "What?"})
    )
    assert good["score"] is not None
    assert wrong["score"] is None
    assert wrong["reasons"][0].startswith("items[1].completion: 7 is not text")
    assert wrong["reasons"][1].startswith("items[1].colour: unknown field")
    for index, one in ((2, both), (3, none)):
        assert one["reasons"] == [f"items[{index}]: set exactly one of completion, response"]


def test_prompts_are_text_or_messages(service: Served, judge: ScriptedJudge) -> None:
    messages = [{"role": "user", "content": "What is 6*7?"}]
    first, second = results(service.score(item(), item(prompt=messages)))
    assert first["score"] == second["score"]


def test_a_judge_that_fails_leaves_null_and_the_reason(service: Served, judge: ScriptedJudge) -> None:
    judge.script = lambda _: refusal(500)
    (found,) = results(service.score(item()))
    assert found["score"] is None
    assert any("overloaded" in reason for reason in found["reasons"])


# What is refused.


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer"])
def test_without_the_token_nothing_is_told(service: Served, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in (("POST", "/v1/score"), ("GET", "/v1/config"), ("GET", "/v1/judges")):
        response = httpx.request(method, f"{service.url}{path}", headers=headers, trust_env=False)
        assert code(response) == (401, "unauthorized")
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/openapi.json", "/", "/docs"])
def test_these_addresses_need_no_token(service: Served, path: str) -> None:
    assert httpx.get(f"{service.url}{path}", trust_env=False).status_code == 200


def test_a_batch_that_is_too_long_is_refused(service: Served) -> None:
    assert code(service.score(*[item()] * 9)) == (413, "tooManyItems")


def test_a_body_that_is_too_large_is_refused(service: Served) -> None:
    assert code(service.score(item("x" * 70_000))) == (413, "tooLarge")


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_large(service: Served) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    with service.client as client:
        assert code(client.post("/v1/score", content=chunks())) == (413, "tooLarge")


MALICIOUS = {
    "nested deeply": b'{"items":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "mappings nested deeply": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a number of many digits": b'{"items":[' + b"9" * 60_000 + b"]}",
    "NaN": b'{"items":[{"completion":"x","metadata":{"a":NaN}}]}',
    "half a character of UTF-8": b'{"items":[{"completion":"\xc3"}]}',
    "UTF-16": '{"items":[{"completion":"x"}]}'.encode("utf-16") + b"\0",
    "many small values": b'{"items":[' + b"[]," * 21_000 + b"[]]}",
    "not a mapping": b"[1, 2, 3]",
    "another field": b'{"items":[{"completion":"x"}],"__proto__":{}}',
    "no items": b'{"items":[]}',
    "nothing": b"",
    "text": b"items: []",
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_body_that_is_no_request_is_refused(service: Served, name: str) -> None:
    with service.client as client:
        response = client.post("/v1/score", content=MALICIOUS[name])
    assert response.status_code in (400, 413)
    assert response.json()["error"]["message"].isprintable()


BAD_ITEMS = {
    "half a surrogate pair": r'{"completion":"\ud800"}',
    "half a surrogate pair in metadata": r'{"completion":"x","metadata":{"\udfff":1}}',
    "half a surrogate pair in a message": r'{"completion":"x","prompt":[{"role":"user","content":"\ud800"}]}',
    "nested deeply": '{"completion":"x","metadata":{"a":' + "[" * 200 + "]" * 200 + "}}",
    "a list": "[]",
    "null": "null",
    "a message without a role": '{"completion":"x","prompt":[{"content":"y"}]}',
    "a prompt that is a number": '{"completion":"x","prompt":7}',
}


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_a_bad_item_is_a_mistake_of_that_item_alone(service: Served, name: str) -> None:
    body = '{"items":[{"completion":"fine"},' + BAD_ITEMS[name] + "]}"
    with service.client as client:
        good, bad = results(client.post("/v1/score", content=body))
    assert good["score"] is not None
    assert bad["score"] is None
    assert bad["reasons"][0].startswith("items[1]")
    assert all(reason.isprintable() for reason in bad["reasons"])


def test_a_number_too_large_for_a_float_reaches_no_judge(service: Served) -> None:
    with service.client as client:
        response = client.post("/v1/score", content='{"items":[{"completion":"x","metadata":{"a":1e999}}]}')
    assert response.status_code == 400


def test_more_waiting_items_than_allowed_are_refused_until_there_is_room(service: Served, judge: ScriptedJudge) -> None:
    checked = threading.Event()
    judge.script = holding(checked)
    answers: list[httpx.Response] = []
    takers = [threading.Thread(target=lambda: answers.append(service.score(*[item()] * 6))) for _ in range(2)]
    for taker in takers:
        taker.start()
    until(lambda: service.metric("atlas_rewards_waiting_items") == 12)
    refused = service.score(item())
    assert code(refused) == (429, "busy")
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    checked.set()
    for taker in takers:
        taker.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert service.score(item()).status_code == 200
    assert service.metric('atlas_rewards_requests_total{code="429",path="/v1/score"}') >= 1


def test_items_of_a_client_that_left_are_given_up(service: Served, judge: ScriptedJudge) -> None:
    judge.script = lambda _: hang()
    counted = 'atlas_rewards_model_calls_total{model="small",outcome="abandoned"}'
    abandoned, before = judge.abandoned, service.metric(counted)
    with closing(HTTPConnection(service.url.removeprefix("http://"))) as client:
        body = json.dumps({"items": [item(f"It is {number}.") for number in range(8)]})
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        client.request("POST", "/v1/score", body, headers)
        until(lambda: judge.in_flight == 8)
    until(lambda: service.metric("atlas_rewards_waiting_items") == 0)
    until(lambda: judge.abandoned == abandoned + 8)
    assert service.metric(counted) == before + 8
    judge.script = by_content
    assert service.score(item()).status_code == 200


# What it says of itself.


def test_the_configuration_is_shown_without_secrets(service: Served) -> None:
    shown = service.get("/v1/config")
    assert shown.json()["configuration"]["limits"]["items"] == 8
    assert TOKEN not in shown.text


def test_judges_are_listed_with_state_latency_and_errors(service: Served) -> None:
    service.score(item())
    report = service.get("/v1/judges").json()
    (one,) = report["judges"]
    assert (one["name"], one["state"]) == ("accuracy", "Answering")
    assert one["p50Ms"] <= one["p99Ms"]
    assert 0 <= one["errorRate"] <= 1


def test_metrics_count_items_verdicts_and_calls(service: Served) -> None:
    samples = (
        'atlas_rewards_items_total{outcome="scored"}',
        'atlas_rewards_verdicts_total{judge="accuracy",outcome="given"}',
        'atlas_rewards_model_calls_total{model="small",outcome="answered"}',
        'atlas_rewards_cache_lookups_total{result="miss"}',
    )
    before = [service.metric(sample) for sample in samples]
    service.score(item("It is 1."), item("It is 2."))
    assert [service.metric(sample) - was for sample, was in zip(samples, before, strict=True)] == [2, 2, 2, 2]


def test_the_page_and_the_description_ask_nobody_else(service: Served) -> None:
    page = service.get("/")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("</", "")
    document = service.get("/openapi.json").json()
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= document["components"]["schemas"].keys()
    assert {"completion", "teacherTrace"} <= document["components"]["schemas"]["ItemBody"]["properties"].keys()


def schema_of(service: Served, path: str, method: str, code: int) -> dict[str, Any]:
    """What the description says of an answer, its parts included."""
    document = service.get("/openapi.json").json()
    schema = document["paths"][path][method]["responses"][str(code)]["content"]["application/json"]["schema"]
    return {**schema, "components": document["components"]}


def test_the_description_is_valid_and_answers_are_as_it_says(service: Served, judge: ScriptedJudge) -> None:
    validate(service.get("/openapi.json").json())
    judge.script = by_content
    scored = service.score(item(), item(completion=7), item("It is 42.", reference="42"))
    judge.script = lambda _: refusal(500)
    failed = service.score(item("again"))
    for answer in (scored, failed):
        check(answer.json(), schema_of(service, "/v1/score", "post", 200))
    check(service.score(*[item()] * 9).json(), schema_of(service, "/v1/score", "post", 413))
    for path in ("/v1/config", "/v1/judges"):
        check(service.get(path).json(), schema_of(service, path, "get", 200))
        check(httpx.get(f"{service.url}{path}", trust_env=False).json(), schema_of(service, path, "get", 401))


def check(answer: Any, schema: dict[str, Any]) -> None:
    """Raise unless *answer* fits."""
    Draft202012Validator(schema).validate(answer)


def test_unknown_addresses_and_methods_are_refused_as_json(service: Served) -> None:
    assert code(service.get("/v2/score")) == (404, "notHere")
    assert code(service.get("/v1/score")) == (405, "notHere")


def test_the_log_is_json_and_holds_neither_texts_nor_the_token(service: Served, judge: ScriptedJudge) -> None:
    judge.script = lambda _: refusal(500)
    service.score(item(SECRET_WORDS), item(completion={"not": SECRET_WORDS}))
    assert all({"time", "level", "message"} <= line.keys() for line in service.lines())
    assert SECRET_WORDS not in service.log.read_text()
    assert TOKEN not in service.log.read_text()
