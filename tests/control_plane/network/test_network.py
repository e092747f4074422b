"""The operator's way to a real API server: by the proxy and the name that kubectl would use, or with a word why not."""

import base64
import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cluster.kubectl import Document, Kubectl
from cluster.programs.processes import wait_until
from support.kubernetes.operator_process import begun_operator
from support.server.connect_proxy import FakeConnectProxy
from support.training.cluster_trainings import cluster_training

pytestmark = pytest.mark.cluster

NAME = "refunds"
UNKNOWN = "kubernetes.test"
"""A name that only a proxy knows, and that is not in the API server's certificate."""

IN_THE_CERTIFICATE = "kubernetes.default.svc"


def address_of(kubeconfig: Path) -> tuple[str, int]:
    server = urlsplit(json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"])
    return server.hostname or "", server.port or 443


def rewritten(kubeconfig: Path, folder: Path, **cluster: Any) -> Path:
    """The kubeconfig with other fields of the cluster; names with `_` for `-`."""
    document = json.loads(kubeconfig.read_text())
    document["clusters"][0]["cluster"] |= {name.replace("_", "-"): value for name, value in cluster.items()}
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def proxy(rights: Path) -> Iterator[FakeConnectProxy]:
    with FakeConnectProxy({UNKNOWN: address_of(rights)}) as started:
        yield started


def has_phase(training: Document | None) -> bool:
    return bool(training and training.get("status", {}).get("phase"))


def noticed(kubectl: Kubectl) -> None:
    """A new training reaches the operator by its watches, and is answered by its requests."""
    kubectl.create(cluster_training(NAME))
    kubectl.wait_for("atlastraining", NAME, has_phase)


def test_a_network_in_no_proxy_is_reached_directly(
    rights: Path, kubectl: Kubectl, proxy: FakeConnectProxy, tmp_path: Path
) -> None:
    server = f"https://{UNKNOWN}:{address_of(rights)[1]}"
    variables = {"HTTPS_PROXY": proxy.url, "NO_PROXY": ".svc,.cluster.local,127.0.0.0/8"}
    with begun_operator(rights, tmp_path / "log", "--namespace", kubectl.namespace, variables=variables) as operator:
        wait_until("readiness", operator.is_ready)
        noticed(kubectl)
    assert proxy.asked == []
    kubeconfig = rewritten(rights, tmp_path, server=server, tls_server_name=IN_THE_CERTIFICATE)
    exempt = {"HTTPS_PROXY": proxy.url, "NO_PROXY": ".test"}
    with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace, variables=exempt) as operator:
        wait_until("a word", lambda: operator.says(f"the API server at {server} does not answer"))
    assert proxy.asked == []


@pytest.mark.parametrize("way", ["proxy-url", "environment", "proxy-url against NO_PROXY"])
def test_every_request_and_every_watch_goes_by_the_proxy_and_asks_for_the_name_in_the_certificate(
    rights: Path, kubectl: Kubectl, proxy: FakeConnectProxy, tmp_path: Path, way: str
) -> None:
    fields = {"server": f"https://{UNKNOWN}:{address_of(rights)[1]}", "tls_server_name": IN_THE_CERTIFICATE}
    variables = {"HTTPS_PROXY": proxy.url} if way == "environment" else {"NO_PROXY": "*" if "NO_PROXY" in way else ""}
    if way != "environment":
        fields["proxy_url"] = proxy.url
    kubeconfig = rewritten(rights, tmp_path, **fields)
    with begun_operator(
        kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace, variables=variables
    ) as operator:
        wait_until("readiness", operator.is_ready)
        noticed(kubectl)
    assert set(proxy.asked) == {f"{UNKNOWN}:{address_of(rights)[1]}"}
    if way != "environment":
        assert "refunds" in Kubectl(kubeconfig, kubectl.namespace).run("get", "atlastrainings")  # kubectl thinks so too


def test_a_certificate_for_another_name_is_refused_and_said(
    rights: Path, kubectl: Kubectl, proxy: FakeConnectProxy, tmp_path: Path
) -> None:
    server = f"https://{UNKNOWN}:{address_of(rights)[1]}"
    kubeconfig = rewritten(rights, tmp_path, server=server, proxy_url=proxy.url)
    with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
        wait_until("a word", lambda: operator.says("does not answer: ClientConnectorCertificateError"))
        assert operator.get("/readyz")[0] == 503


def test_a_proxy_that_goes_and_comes_back_is_said_once_each(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    server = f"https://{UNKNOWN}:{address_of(rights)[1]}"
    names = {UNKNOWN: address_of(rights)}
    with ExitStack() as running:
        with FakeConnectProxy(names) as proxy:
            fields = {"server": server, "tls_server_name": IN_THE_CERTIFICATE}
            fields["proxy_url"] = f"http://me:hidden@127.0.0.1:{proxy.port}"
            kubeconfig = rewritten(rights, tmp_path, **fields)
            begun = begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace)
            operator = running.enter_context(begun)
            wait_until("readiness", operator.is_ready)
        wait_until("a word about the watches", lambda: operator.says("fails: Cannot connect to host 127.0.0.1"))
        with FakeConnectProxy(names, port=proxy.port):
            wait_until("a word that they work", lambda: operator.says("no watch fails any more"))
            noticed(kubectl)
        said = [line["message"] for line in operator.lines() if line["message"].startswith("watching /")]
        assert len(said) == 1
        assert set(proxy.credentials) == {f"Basic {base64.b64encode(b'me:hidden').decode()}"}
        assert "hidden" not in (tmp_path / "log").read_text()


def test_a_server_that_accepts_and_says_nothing_is_said_too(rights: Path, kubectl: Kubectl, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"https://127.0.0.1:{silent.getsockname()[1]}"
        kubeconfig = rewritten(rights, tmp_path, server=server)
        with begun_operator(kubeconfig, tmp_path / "log", "--namespace", kubectl.namespace) as operator:
            wait_until("a word", lambda: operator.says(f"the API server at {server} does not answer: no word for 8 s"))


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("socks5://me:hidden@127.0.0.1:1080", "socks5://127.0.0.1:1080, which is no HTTP proxy"),
        ("http://me:hidden@127.0.0.1:99999", "a proxy whose address is no address"),
    ],
)
def test_a_proxy_that_cannot_be_used_ends_the_operator_with_the_cure_and_without_the_password(
    rights: Path, tmp_path: Path, named: str, says: str
) -> None:
    kubeconfig = rewritten(rights, tmp_path, proxy_url=named)
    log = tmp_path / "log"
    with pytest.raises(AssertionError, match="the operator ended with 1"), begun_operator(kubeconfig, log):
        pass
    (line,) = log.read_text().splitlines()
    assert says in json.loads(line)["message"]
    assert "hidden" not in line
