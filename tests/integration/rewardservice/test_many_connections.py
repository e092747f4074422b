"""A service with few descriptors answers whoever asks, however many keep connections open and ask for nothing."""

import json
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event

import httpx
import pytest
from support.judges.judge_replies import verdict
from support.judges.scripted_judge import ScriptedJudge
from support.rewardservice.served import (
    Served,
    holding,
    item,
    results,
    service_manifest,
    serving,
    until,
    write_manifest,
)

DESCRIPTORS = 256
FLOOD = 400

HEAD = b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"

SENT_BY_WHOEVER_ONLY_KEEPS: dict[str, bytes] = {
    "nothing": b"",
    "half a request line": b"GET /hea",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "blank lines": b"\r\n\r\n\r\n",
    "a head without its body": HEAD,
    "half a body": HEAD + b'{"items": [',
    "a chunk without the next": b"POST /v1/score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "half a trailer": b"POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: ",
    "an answered request": ASK,
    "answered requests in a row": ASK * 20,
    "one that waits for a go-ahead": HEAD.replace(b"Host: x", b"Host: x\r\nExpect: 100-continue"),
    "a body that nobody reads": b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc",
    "a question about readiness": b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n",
    "another protocol's upgrade": ASK.replace(b"Host: x", b"Connection: Upgrade\r\nUpgrade: websocket"),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with 256 descriptors."""
    folder = tmp_path_factory.mktemp("service")
    with ScriptedJudge(lambda _: verdict(0.5)) as judge:
        config = write_manifest(folder / "service.yaml", service_manifest(judge.base_url))
        with serving(config, folder / "log", descriptors=DESCRIPTORS) as on:
            yield on


def connected(service: Served) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


@contextmanager
def flood(service: Served, sent: bytes, count: int = FLOOD) -> Iterator[list[socket.socket]]:
    with ExitStack() as open_ones:
        clients = []
        for _ in range(count):
            clients.append(open_ones.enter_context(connected(service)))
            try:
                clients[-1].sendall(sent)
            except ConnectionError:  # it was cut already
                continue
        yield clients


def is_cut(client: socket.socket) -> bool:
    """Whether the service has ended the connection, whatever it said before."""
    client.setblocking(False)
    try:
        while select.select([client], [], [], 0)[0]:
            if not client.recv(65_536):
                return True
    except ConnectionError:
        return True
    return False


def complaints(service: Served) -> list[str]:
    return [line["message"] for line in service.lines() if "system resource" in json.dumps(line)]


@pytest.mark.parametrize("kind", SENT_BY_WHOEVER_ONLY_KEEPS)
def test_whoever_only_keeps_connections_makes_room_for_those_who_ask(service: Served, kind: str) -> None:
    with flood(service, SENT_BY_WHOEVER_ONLY_KEEPS[kind]) as clients:
        assert service.get("/healthz").text == "ok\n"
        assert service.get("/readyz").text == "ok\n"
        assert results(service.score(item()))[0]["score"] == 0.5
        until(lambda: is_cut(clients[0]))
        until(lambda: sum(map(is_cut, clients)) >= FLOOD - DESCRIPTORS)
    assert complaints(service) == []


def test_the_longest_silent_go_first(service: Served) -> None:
    with flood(service, b"", 20) as first, flood(service, b"", FLOOD) as later:
        until(lambda: all(map(is_cut, first)))
        assert not is_cut(later[-1])


def test_a_client_that_was_answered_lately_stays_when_older_silence_is_there(service: Served) -> None:
    with flood(service, b"", 40), httpx.Client(base_url=service.url, trust_env=False) as regular:
        for _ in range(5):
            assert regular.get("/healthz").status_code == 200
            with flood(service, b"", 10):
                continue
        assert regular.get("/healthz").status_code == 200


def scored_in_the_end(service: Served, number: int) -> httpx.Response:
    """The answer, by a client that tries again when it was cut before it could ask."""
    while True:
        with suppress(httpx.TransportError):
            if (response := service.score(item(f"answer {number}"))).status_code != 429:
                return response


def waiting(service: Served) -> float:
    """Items that are being scored; a question about it may be cut like any other."""
    with suppress(httpx.TransportError):
        return service.metric("atlas_rewards_waiting_items")
    return -1.0


def test_work_is_never_cut_and_probes_have_room_of_their_own_where_all_are_at_work(tmp_path: Path) -> None:
    release, room = Event(), 64
    with ScriptedJudge(holding(release)) as judge:
        config = write_manifest(tmp_path / "service.yaml", service_manifest(judge.base_url, concurrency=64))
        with serving(config, tmp_path / "log", descriptors=DESCRIPTORS) as on, ThreadPoolExecutor(room) as threads:
            try:
                asked = [threads.submit(scored_in_the_end, on, number) for number in range(room)]
                until(lambda: waiting(on) == room)
                with flood(on, b""):
                    assert on.get("/healthz").text == "ok\n"
                    refused = on.score(item("one more"))
                    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "busy")
                    assert on.metric("atlas_rewards_waiting_items") == room
            finally:
                release.set()
            assert [one.result().status_code for one in asked] == [200] * room
            until(lambda: on.metric("atlas_rewards_waiting_items") == 0)
            assert on.score(item("one more")).status_code == 200
        assert complaints(on) == []
