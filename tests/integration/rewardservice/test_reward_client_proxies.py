"""The client of a reward service goes by a proxy where kubectl would."""

import pytest
from support.rewardservice.scripted_service import scripted_service
from support.server.connect_proxy import FakeConnectProxy

from atlas_api import InvalidManifest
from atlas_api.errors import SourceUnreachable
from atlas_rewards import Item
from atlas_rewards.client.reward_client import RewardClient

NOBODY = "http://127.0.0.1:9"


def asked_through(monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str) -> list[str]:
    """What a refusing proxy was asked for by a client of the service at *url*, which is not there."""
    with FakeConnectProxy(answer="502 Bad Gateway") as proxy:
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", no_proxy)
        client = RewardClient(url, patience=0.0)
        try:
            with pytest.raises(SourceUnreachable):
                client.score_sync([Item("an answer")])
        finally:
            client.close_sync()
        return proxy.asked


def test_a_service_elsewhere_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = asked_through(monkeypatch, "http://rewards.test", "")
    assert first == "GET http://rewards.test/v1/config HTTP/1.1"
    assert asked_through(monkeypatch, "https://rewards.test", "")[0] == "rewards.test:443"


@pytest.mark.parametrize(
    ("url", "no_proxy"),
    [
        ("http://rewards.test", ".test"),
        ("http://rewards.test:8080", "rewards.test:8080"),
        ("http://127.0.0.1:9", ""),
        ("http://127.0.0.1:9", ".svc,127.0.0.0/8"),
        ("https://[::1]:9", "unrelated.example"),
        ("http://rewards.test", "*"),
    ],
)
def test_what_is_exempt_is_asked_directly(monkeypatch: pytest.MonkeyPatch, url: str, no_proxy: str) -> None:
    assert asked_through(monkeypatch, url, no_proxy) == []


def test_a_service_on_this_machine_answers_whatever_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", NOBODY)
    with scripted_service() as service:
        client = RewardClient(service.url, patience=5.0)
        try:
            (result,) = client.score_sync([Item("an answer")])
        finally:
            client.close_sync()
    assert result.score == 0.5


@pytest.mark.parametrize("proxy", ["socks5://me:hidden@proxy:1080", "http://me:hidden@proxy:99999"])
def test_a_proxy_that_cannot_be_used_is_told_at_once_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(InvalidManifest, match=r"would be reached through .*; correct it in the environment") as refused:
        RewardClient("http://rewards.test")
    assert "hidden" not in str(refused.value)
