"""What the scoring service makes of clients that speak HTTP badly, early or not to the end."""

import socket
import time
from collections.abc import Iterator

import pytest
from support.rewardservice.served import Served, service_manifest, serving, until, write_manifest


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose judge is never asked."""
    folder = tmp_path_factory.mktemp("service")
    with serving(write_manifest(folder / "service.yaml", service_manifest("http://127.0.0.1:9")), folder / "log") as on:
        yield on


def connected(service: Served) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_a_head_without_an_end_is_cut(service: Served) -> None:
    def send_for_ever(client: socket.socket) -> None:
        client.sendall(b"POST /v1/score HTTP/1.1\r\nX: ")
        for _ in range(10_000):
            client.sendall(b"x" * 10_000)

    with connected(service) as client, pytest.raises(ConnectionError):
        send_for_ever(client)


def test_a_head_that_begins_right_behind_a_long_body_is_answered(service: Served) -> None:
    head, body = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n", b" " * 200_000
    for _ in range(10):
        with connected(service) as client, client.makefile("rb") as answers:
            client.sendall(head + body + b"GET /healthz HTTP/1.1\r\nHo")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            time.sleep(0.05)  # until the service has read all that was sent
            client.sendall(b"st: x\r\nConnection: close\r\n\r\n")
            assert answers.read().count(b"HTTP/1.1 200 OK\r\n") == 1


def test_a_client_that_leaves_while_it_sends_is_counted_and_no_mistake(service: Served) -> None:
    left, before = 'atlas_rewards_requests_total{code="499",path="/v1/score"}', service.log.read_text()
    count = service.metric(left)
    with connected(service) as client:
        client.sendall(b'POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"items":')
    until(lambda: service.metric(left) == count + 1)
    assert service.log.read_text() == before
