"""Proxies are chosen as Go itself chooses them, whose HTTP client is kubectl's."""

import os
import random
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.server.proxy_table import PROXY, ROWS, Row, exempting

from atlas_api.connections.proxies import proxy_for

PROGRAM = Path(__file__).parents[2] / "support" / "server" / "go_proxies.go"
HOSTS = ["example.com", "api.example.com", "xexample.com", "com", "svc", "kubernetes.default.svc", "localhost"]
ADDRESSES = [
    "10.0.0.1",
    "10.1.2.3",
    "127.0.0.1",
    "11.0.0.1",
    "[::1]",
    "[2001:db8::1]",
    "[::ffff:10.0.0.1]",
    "[fe80::1]",
]
ENTRIES = [
    *(
        "example.com",
        ".example.com",
        "*.example.com",
        "com",
        ".com",
        "svc",
        ".svc",
        "example",
        "*",
        "**",
        ".",
        "..",
        "*.",
    ),
    *(
        "10.0.0.1",
        "10.0.0.0/8",
        "10.0.0.0/16",
        "10.1.2.3/31",
        "10.0.0.0/0",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/08",
    ),
    *("2001:db8::1", "2001:db8::/32", "::/0", "::ffff:10.0.0.1", "::ffff:10.0.0.0/104", "[2001:db8::1]", "fe80::/10"),
    *("10.0.0.01", "10.0.0", "0x0a000001", "010.0.0.1", "[::1", "]", ":", "::", "/8", "/", "example.com/8", "[]"),
]
PORTS = ["", ":443", ":6443", ":80", ":", ":https", ":0443", "::443"]

Choice = Callable[[dict[str, str], Sequence[str]], list[str | None]]

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Choice:
    """Proxies of Go's HTTP client for addresses in an environment."""
    program = tmp_path_factory.mktemp("go") / "proxies"
    building = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", str(program), str(PROGRAM)], env=building, check=True)

    def choose(environment: dict[str, str], urls: Sequence[str]) -> list[str | None]:
        ran = subprocess.run([str(program), *urls], env=environment, capture_output=True, text=True, check=True)
        return [None if line == "-" else line for line in ran.stdout.splitlines()]

    return choose


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_the_table_is_what_go_does(go: Choice, row: Row) -> None:
    environment, url, proxy = row
    assert go(environment, [url]) == [proxy]


def test_any_list_of_exemptions_means_the_same_here_and_there(go: Choice) -> None:
    chance = random.Random(16)
    urls = [
        f"{scheme}://{host}{port}"
        for scheme in ("http", "https")
        for host in HOSTS + ADDRESSES
        for port in ("", ":443", ":6443")
    ]
    for _ in range(200):
        entries = [chance.choice(ENTRIES) + chance.choice(PORTS) for _ in range(chance.randint(1, 3))]
        environment = exempting(chance.choice([",", ", ", " ,"]).join(entries))
        here = [proxy_for(url, environment) for url in urls]
        assert dict(zip(urls, here, strict=True)) == dict(zip(urls, go(environment, urls), strict=True)), environment


def test_names_in_capitals_are_local_here_alone(go: Choice) -> None:
    """The one difference: Go asks the proxy for `LOCALHOST`, which is none of the proxy's names."""
    environment = {"HTTPS_PROXY": PROXY}
    assert (proxy_for("https://LOCALHOST", environment), go(environment, ["https://LOCALHOST"])) == (None, [PROXY])
