"""Requests to the API server: what is tried again, how long it waits, and what errors say. The server is a real one."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config.incluster_config import InClusterConfigLoader
from support.kubernetes.scripted_answers import Answer, Server, refusal, server_giving

from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.document import Key
from atlas_operator.cluster.rest.api import Api, ApiError, Forbidden, NotLeading, Unreachable

PODS = "/api/v1/namespaces/agents/pods"


@asynccontextmanager
async def _api(configuration: Configuration, delays: list[float], **options: Any) -> AsyncIterator[Api]:
    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    api = Api(configuration, sleep=sleep, **options)
    try:
        yield api
    finally:
        await api.close()


def _ask(*answers: Answer, act: Callable[[Api], Awaitable[Any]] | None = None) -> tuple[Any, Server, list[float]]:
    """What comes of one request, a GET of pods if no other is given: its answer or its error, and the waits."""
    delays: list[float] = []

    async def story() -> tuple[Any, Server, list[float]]:
        async with server_giving(*answers) as server, _api(server.configuration, delays) as api:
            try:
                outcome: Any = await (act(api) if act else api.request("get", PODS))
            except ApiError as error:
                outcome = error
            return outcome, server, delays

    return asyncio.run(story())


def test_a_busy_server_is_asked_again_after_the_time_it_names() -> None:
    answers = (
        Answer(429, headers={"Retry-After": "7"}),
        Answer(503, headers={"Retry-After": "9"}),
        Answer(body={"a": 1}),
    )
    outcome, _, delays = _ask(*answers)
    assert outcome == {"a": 1}
    assert delays == [7.0, 9.0]


def test_a_server_cannot_make_the_operator_wait_longer_than_thirty_seconds() -> None:
    assert _ask(Answer(429, headers={"Retry-After": "86400"}), Answer())[2] == [30.0]


def test_a_failing_server_is_asked_four_times() -> None:
    error, server, delays = _ask(Answer(500, "boom"))
    assert (type(error), error.status, str(error)) == (ApiError, 500, "boom")
    assert len(server.requests) == 4
    assert [0.1 * 2**n <= delay <= 0.2 * 2**n for n, delay in enumerate(delays)] == [True] * 3


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
def test_a_refusal_is_final(status: int) -> None:
    error, server, delays = _ask(refusal(status, "Reason", "words\nof the server"))
    assert (error.status, error.reason, str(error)) == (status, "Reason", "words of the server")
    assert (len(server.requests), delays) == (1, [])


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        configuration = Configuration(host=f"http://127.0.0.1:{bound.getsockname()[1]}")
        delays: list[float] = []

        async def story() -> None:
            async with _api(configuration, delays) as api:
                await api.request("get", PODS)

        with pytest.raises(Unreachable, match="does not answer: ClientConnectorError"):
            asyncio.run(story())
        assert len(delays) == 3


def test_a_missing_right_is_named() -> None:
    message = 'pods is forbidden: User "system:serviceaccount:a:b" cannot get resource "pods" in the namespace "agents"'
    error, _, _ = _ask(refusal(403, "Forbidden", message, kind="pods"))
    assert isinstance(error, Forbidden)
    assert str(error) == "the operator may not get pods in namespace agents; add this right to its role"


def test_a_quota_is_not_a_missing_right() -> None:
    message = 'pytorchjobs.kubeflow.org "a" is forbidden: exceeded quota: jobs'
    error, _, _ = _ask(refusal(403, "Forbidden", message, kind="pytorchjobs", group="kubeflow.org"))
    assert type(error) is ApiError
    assert "exceeded quota" in str(error)


def test_without_the_lease_nothing_is_written() -> None:
    async def story() -> int:
        async with server_giving(Answer()) as server, _api(server.configuration, [], may_write=lambda: False) as api:
            await api.request("list", PODS)
            for verb in ("create", "apply", "patch", "delete"):
                with pytest.raises(NotLeading):
                    await api.request(verb, PODS, {})
            return len(server.requests)

    assert asyncio.run(story()) == 1


def test_a_write_that_lost_its_lease_while_it_waited_for_a_connection_is_not_sent() -> None:
    allowed = iter([True, False, False])

    async def story() -> list[Any]:
        may_write = lambda: next(allowed)  # noqa: E731 - asked before the request, and when its body is to leave
        async with server_giving(Answer()) as server, _api(server.configuration, [], may_write=may_write) as api:
            with pytest.raises(NotLeading):
                await api.request("create", PODS, {"kind": "Pod"})
            return server.bodies

    assert asyncio.run(story()) == []


def test_at_most_32_requests_run_at_the_same_time() -> None:
    running, most = 0, 0

    async def answer(_: web.BaseRequest) -> web.Response:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return web.json_response({})

    async def story() -> None:
        runner = web.ServerRunner(web.Server(answer))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        configuration = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
        async with _api(configuration, []) as api:
            await asyncio.gather(*(api.request("get", PODS) for _ in range(200)))
        await runner.cleanup()

    asyncio.run(story())
    assert 1 < most <= 32


def test_a_rotated_token_is_sent_without_a_restart(tmp_path: Path) -> None:
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("old")
    authority.write_text("unused: the server speaks plain HTTP")
    environment = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    loader = InClusterConfigLoader(str(token), str(authority), environ=environment)
    loader._token_refresh_period = timedelta()  # a minute otherwise

    async def story() -> list[str]:
        async with server_giving(Answer()) as server:
            host = server.configuration.host
            loader.load_and_set(server.configuration)
            loader.host = server.configuration.host = host
            loader.ssl_ca_cert = server.configuration.ssl_ca_cert = None
            async with _api(server.configuration, []) as api:
                await api.request("get", PODS)
                token.write_text("new")
                await api.request("get", PODS)
            return [request.headers["Authorization"] for request in server.requests]

    assert asyncio.run(story()) == ["bearer old", "bearer new"]


def test_a_list_whose_pages_expired_is_read_again_in_one_piece() -> None:
    item = {"metadata": {"namespace": "agents", "name": "one"}}
    pages = [
        Answer(body={"metadata": {"continue": "next"}, "items": [item]}),
        refusal(410, "Expired", "the provided continue parameter is too old"),
        Answer(body={"metadata": {}, "items": [item, {"metadata": {"namespace": "agents", "name": "two"}}]}),
    ]
    keys, server, _ = _ask(*pages, act=lambda api: ClusterClient(api).keys("AtlasTraining", "agents"))
    assert keys == [Key("agents", "one"), Key("agents", "two")]
    assert [dict(request.query) for request in server.requests] == [
        {"limit": "500"},
        {"limit": "500", "continue": "next"},
        {},
    ]


def test_an_answer_that_was_cut_is_asked_for_again() -> None:
    found, server, _ = _ask(Answer(body='{"kind": "Po'), Answer(body={"kind": "Pod"}))
    assert found == {"kind": "Pod"}
    assert len(server.requests) == 2


def test_a_create_that_lost_a_race_for_a_quota_is_tried_again_and_a_name_that_is_taken_is_not() -> None:
    lost = refusal(409, "Conflict", "Operation cannot be fulfilled on resourcequotas")
    made, server, _ = _ask(lost, Answer(body={"made": 1}), act=lambda api: api.request("create", PODS, {}))
    assert (made, len(server.requests)) == ({"made": 1}, 2)
    taken = refusal(409, "AlreadyExists", "pods exists")
    refused, server, _ = _ask(taken, act=lambda api: api.request("create", PODS, {}))
    assert (refused.reason, len(server.requests)) == ("AlreadyExists", 1)


@pytest.mark.parametrize(
    ("date", "ahead"), [("Tue, 01 Dec 2099 12:00:00 GMT", True), ("yesterday", False), ("", False)]
)
def test_the_time_is_that_of_the_api_servers_clock_where_it_tells_one(date: str, ahead: bool) -> None:
    async def act(api: Api) -> datetime:
        await api.request("get", PODS)
        return api.now()

    now, _, _ = _ask(Answer(headers={"Date": date}), act=act)
    assert (now > datetime(2099, 1, 1, tzinfo=UTC)) == ahead
