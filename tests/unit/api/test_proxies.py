"""Proxies are chosen as Go's programs do: `support.server.proxy_table` is the table."""

import pytest
from support.server.proxy_table import PROXY, ROWS, Row

from atlas_api.connections.proxies import UnusableProxy, proxy_for, usable_proxy, without_password


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_proxy_is_the_one_that_go_would_use(row: Row) -> None:
    environment, url, proxy = row
    assert proxy_for(url, environment) == proxy


def test_names_in_small_letters_count_before_those_in_capitals() -> None:
    """Newer Go has it so, like curl and Python; older Go takes capitals first."""
    both = {"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1", "no_proxy": "a.com", "NO_PROXY": "b.com"}
    assert (proxy_for("https://b.com", both), proxy_for("https://a.com", both)) == (PROXY, None)


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "ftp"])
def test_what_is_no_http_proxy_is_refused_without_its_password(scheme: str) -> None:
    with pytest.raises(UnusableProxy, match=f"^{scheme}://proxy:1080, which is no HTTP proxy$"):
        proxy_for("https://api.example.com", {"HTTPS_PROXY": f"{scheme}://me:hidden@proxy:1080"})


@pytest.mark.parametrize(
    "named",
    ["http://me:hidden/@@proxy", "me:hidden@proxy:99999", "http://[::1", "http://", "me:hidden@", "proxy:0", ":80"],
)
def test_what_is_no_address_is_refused_without_a_word_of_it(named: str) -> None:
    with pytest.raises(UnusableProxy) as refused:
        proxy_for("https://api.example.com", {"HTTPS_PROXY": named})
    assert str(refused.value) == "a proxy whose address is no address"


def test_what_is_exempt_needs_no_usable_proxy() -> None:
    assert proxy_for("https://a.svc", {"HTTPS_PROXY": "socks5://proxy:1080", "NO_PROXY": ".svc"}) is None


@pytest.mark.parametrize(
    "url",
    [
        "wss://example.com",
        "s3://bucket/key",
        "",
        "/path",
        "https://a:99999",
        "https://a:b",
        "https://[::1",
        "https://[x]",
    ],
)
def test_other_addresses_and_what_is_none_have_no_proxy(url: str) -> None:
    assert proxy_for(url, {"HTTPS_PROXY": PROXY, "HTTP_PROXY": PROXY, "NO_PROXY": "example.com"}) is None


def test_a_proxy_is_shown_without_its_password() -> None:
    assert without_password(usable_proxy("me:p@ss@proxy:3128")) == "http://proxy:3128"
