"""The scoring service against bodies made from its own OpenAPI description: it answers each, as that says."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fuzz.json_schemas import ANYTHING, broken, documents
from support.judges.judge_replies import verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import Served, service_manifest, serving, write_manifest

from atlas_rewards.server.http.openapi import openapi

DESCRIPTION = openapi(has_token=False)
SCHEMAS = DESCRIPTION["components"]["schemas"]
BODIES = documents(SCHEMAS["ScoreRequest"], SCHEMAS)
FUZZ = settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
VERIFIERS = [
    {"name": "exact", "exactMatch": {}},
    {"name": "number", "numeric": {}},
    {"name": "alike", "referenceSimilarity": {}},
    {"name": "form", "jsonSchema": {"schema": {"type": "object"}}},
    {"name": "short", "length": {"target": 40, "limit": 400}},
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("service")
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        judges = [{"name": "accuracy", "rubric": "accuracy"}, {"name": "order", "rubric": "process", "mode": "group"}]
        manifest = service_manifest(judge.base_url, judges=judges, verifiers=VERIFIERS)
        with serving(write_manifest(folder / "service.yaml", manifest), folder / "log") as on:
            yield on
            assert not [line for line in on.lines() if line["level"] in ("ERROR", "CRITICAL")]


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[httpx.Client]:
    with service.client as open_one:
        yield open_one


def is_described(response: httpx.Response, path: str, method: str) -> None:
    """Fail unless the answer is one that the description knows, in the form that it says."""
    answers = DESCRIPTION["paths"][path][method]["responses"]
    assert str(response.status_code) in answers, response.text
    content = answers[str(response.status_code)].get("content", {})
    if "application/json" in content:
        schema = content["application/json"]["schema"] | {"components": DESCRIPTION["components"]}
        jsonschema.validate(response.json(), schema)


def scored(client: httpx.Client, body: bytes) -> httpx.Response:
    response = client.post("/v1/score", content=body, headers={"Content-Type": "application/json"})
    is_described(response, "/v1/score", "post")
    return response


def written(document: Any) -> bytes:
    return json.dumps(document).encode()


@FUZZ
@given(body=BODIES)
def test_a_body_that_the_description_allows_gets_a_result_an_item(client: httpx.Client, body: Any) -> None:
    response = scored(client, written(body))
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert len(results) == len(body["items"])
    assert all(result["score"] is not None or result["reasons"] for result in results)


@FUZZ
@given(body=broken(BODIES) | ANYTHING)
def test_a_body_with_a_mistake_is_answered_too(client: httpx.Client, body: Any) -> None:
    assert scored(client, written(body)).status_code in (200, 400, 413)


@FUZZ
@given(body=st.binary(max_size=300) | BODIES.map(written).flatmap(lambda body: st.builds(
    lambda at, bits, more: body[:at] + bits + body[at + more:],
    st.integers(0, len(body)), st.binary(max_size=4), st.integers(0, 9)
)))  # fmt: skip
def test_bytes_that_are_no_json_are_answered_too(client: httpx.Client, body: bytes) -> None:
    assert scored(client, body).status_code in (200, 400, 413)


@FUZZ
@given(
    path=st.sampled_from(sorted(DESCRIPTION["paths"])) | st.text("/.%abc\x80", max_size=9).map(lambda text: "/" + text),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "QUERY"]),
    query=st.text(max_size=9),
)
def test_every_address_and_method_is_answered(client: httpx.Client, path: str, method: str, query: str) -> None:
    try:
        url = httpx.URL(path, params={"x": query})
    except (httpx.InvalidURL, UnicodeEncodeError):
        return
    response = client.request(method, url, content=b"{}" if method == "POST" else None)
    assert response.status_code < 500, response.text
    if response.status_code < 400 and method == "GET" and path in DESCRIPTION["paths"]:
        is_described(response, path, "get")
