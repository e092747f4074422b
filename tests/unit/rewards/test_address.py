"""What an address may be is the same for judges and for services, and what passes can be connected to."""

import httpx
import pytest
import yarl

from atlas_api import InvalidManifest
from atlas_rewards.address import address_problem, below, is_azure
from atlas_rewards.client.service_address import check_address

GOOD = [
    "http://localhost:8080",
    "https://api.openai.com/v1",
    "HTTP://rewards.team-a.svc.",
    "http://a_b:80/v1/",
    "http://10.0.0.7:8000",
    "http://[::1]:80",
    "http://[fe80::1%25eth0]",
    "http://\u00e4.de/v1",
]
NO_HOST = [
    "",
    "h:80",
    "ftp://h",
    "http://",
    "http:///v1",
    "http://:80",
    "http://h:abc",
    "http://h:0",
    "http://h:99999",
    "http://[x",
    "http://[::zz]",
    "http://h h",
    "http://h/a b",
    "http://h\n",
    "http://h\u200b",
    "http://a..b",
    "http://\u00e4..\u00f6",
    "http://" + "\u00e4" * 70,
    "http://10.0.0.256",
    "http://a\\b",
    "http://a%zz",
    "http://a,b",
]
SECRETS = ["http://user:hunter2@h", "http://h?key=hunter2", "http://h#hunter2"]


def problem(address: str) -> str | None:
    return address_problem(address, "http://example:8080", "the key with keyFrom")


@pytest.mark.parametrize("address", GOOD)
def test_what_passes_is_an_address_to_both_http_clients(address: str) -> None:
    assert problem(address) is None
    check_address(address)
    assert httpx.URL(address).host
    assert yarl.URL(address).host


@pytest.mark.parametrize("address", NO_HOST)
def test_what_names_no_host_is_told_with_an_example(address: str) -> None:
    assert problem(address) == "names no host, or a port that does not exist; write it like http://example:8080"
    with pytest.raises(InvalidManifest, match=r"^spec\.reward\.serviceRef\.url: names no host"):
        check_address(address)


@pytest.mark.parametrize("address", SECRETS)
def test_an_address_with_more_than_a_place_is_refused_and_not_repeated(address: str) -> None:
    complaint = problem(address)
    assert complaint == "holds a user, a query or a fragment; leave it out and refer to the key with keyFrom"


AZURE = "https://r.openai.azure.com/openai/deployments/d"


@pytest.mark.parametrize("version", ["2024-10-21", "2024-05-01-preview", "preview", "latest", "v1"])
def test_the_version_of_an_interface_is_part_of_an_address(version: str) -> None:
    address = f"{AZURE}?api-version={version}"
    assert address_problem(address, "http://h", "the key", versioned=True) is None
    assert below(address, "/chat/completions") == f"{AZURE}/chat/completions?api-version={version}"
    assert is_azure(address)
    with pytest.raises(InvalidManifest, match="a query"):
        check_address(address)


@pytest.mark.parametrize(
    "query",
    [
        "key=hunter2", "hunter2", "api-version", "api-version=", "api-version=hunter2", "API-VERSION=v1",
        "api-version=v1&key=hunter2", "api-version=v1&api-version=v2", "api-version=v1;key=hunter2",
        "api-version=v1%00",
    ],
)  # fmt: skip
def test_nothing_else_may_stand_in_a_query(query: str) -> None:
    complaint = address_problem(f"{AZURE}?{query}", "http://h", "the key", versioned=True)
    assert complaint == "holds a user, a fragment or a query other than api-version; leave it out and refer to the key"


@pytest.mark.parametrize(
    ("address", "joined"),
    [("http://h", "http://h/x"), ("http://h/", "http://h/x"), ("http://h/v1//", "http://h/v1/x"),
     ("http://[fe80::1%25eth0]/v1", "http://[fe80::1%25eth0]/v1/x"),
     ("http://h/v1?api-version=v1", "http://h/v1/x?api-version=v1"),
     ("http://h/v1/?api-version=v1", "http://h/v1/x?api-version=v1")],
)  # fmt: skip
def test_a_path_is_joined_before_the_query(address: str, joined: str) -> None:
    assert below(address, "/x") == joined
