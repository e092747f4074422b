"""The kubeconfig's credentials, as kubectl takes them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import InvalidURL, web
from kubernetes.aio.client.configuration import Configuration
from support.kubernetes.scripted_answers import Answer, listening, server_giving

from atlas_operator.cluster.rest import connection
from atlas_operator.cluster.rest.api import Api, ApiError
from atlas_operator.cluster.rest.connection import NoCluster, TokenFile

PODS = "/api/v1/namespaces/agents/pods"


def write_kubeconfig(path: Path, user: dict[str, Any], **cluster: Any) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": "http://127.0.0.1:1", **cluster}}],
        "users": [{"name": "me", "user": user}],
    }
    path.write_text(json.dumps(document))


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the kubeconfig of the process is to be."""
    path = tmp_path / "kubeconfig"
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    return path


def sent_token(configuration: Configuration) -> str | None:
    """The Authorization that a request carries now."""

    async def story() -> str | None:
        async with server_giving(Answer()) as server:
            configuration.host = server.configuration.host
            api = Api(configuration)
            try:
                await api.request("get", PODS)
            finally:
                await api.close()
            return server.requests[-1].headers.get("Authorization")

    return asyncio.run(story())


@pytest.mark.parametrize("beside", [{}, {"token": "in-the-file"}], ids=["alone", "beside a token"])
def test_the_token_of_a_file_is_sent_without_the_end_of_its_line(kubeconfig: Path, beside: dict[str, str]) -> None:
    (kubeconfig.parent / "token").write_text("first\n")
    write_kubeconfig(kubeconfig, {"tokenFile": "token", **beside})
    assert sent_token(asyncio.run(connection.find())) == "Bearer first"


def test_a_token_is_read_again_after_a_minute_and_kept_while_its_file_cannot_be_read(tmp_path: Path) -> None:
    now, path, configuration = [0.0], tmp_path / "token", Configuration()
    path.write_text("first")
    file = TokenFile(path, lambda: now[0])

    def token_at(seconds: float) -> str | None:
        now[0] = seconds
        file.refresh(configuration)
        token: str | None = configuration.api_key.get("BearerToken")
        return token

    assert token_at(0) == "Bearer first"
    path.write_text("second")
    assert (token_at(59), token_at(60)) == ("Bearer first", "Bearer second")
    path.write_text("")
    assert token_at(121) == "Bearer second"
    path.unlink()
    assert token_at(200) == "Bearer second"
    path.write_bytes(b"\xff\xfe")
    assert token_at(300) == "Bearer second"
    path.write_text("third")
    assert token_at(301) == "Bearer third"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "text",
        "{",
        "null",
        "current-context: here",
        "{a: *b}",
        "clusters: 3\ncurrent-context: x\ncontexts: 5\n",
    ],
)
def test_a_kubeconfig_that_is_none_is_told_and_is_no_traceback(kubeconfig: Path, text: str) -> None:
    kubeconfig.write_text(text)
    with pytest.raises(NoCluster, match="set KUBECONFIG, or run in a pod"):
        asyncio.run(connection.find())


@pytest.mark.parametrize(
    "cluster",
    [{"certificate-authority-data": "YQ"}, {"certificate-authority": "absent.crt"}, {"server": 7}],
)
def test_fields_that_make_no_sense_are_told(kubeconfig: Path, cluster: dict[str, Any]) -> None:
    write_kubeconfig(kubeconfig, {"token": "t"}, **{"server": "https://127.0.0.1:1", **cluster})
    with pytest.raises(NoCluster):
        asyncio.run(connection.find())


@pytest.mark.parametrize(
    "cluster", [{"certificate-authority": "ca.crt"}, {"certificate-authority-data": "bm8gY2VydGlmaWNhdGU="}]
)
def test_certificates_that_are_none_are_told(kubeconfig: Path, cluster: dict[str, str]) -> None:
    (kubeconfig.parent / "ca.crt").write_text("no certificate")
    write_kubeconfig(kubeconfig, {"token": "t"}, **{"server": "https://127.0.0.1:1", **cluster})

    async def story() -> None:
        connection.session(await connection.find())

    with pytest.raises(NoCluster, match="certificates of the cluster cannot be used"):
        asyncio.run(story())


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else() -> None:
    heard: list[str] = []

    async def elsewhere(request: web.BaseRequest) -> web.Response:
        heard.append(request.path)
        return web.json_response({})

    async def story() -> None:
        async with (
            listening(elsewhere) as other,
            server_giving(Answer(302, headers={"Location": f"{other}/x"})) as server,
        ):
            server.configuration.api_key["BearerToken"] = "Bearer hidden"
            api = Api(server.configuration)
            try:
                with pytest.raises(ApiError):
                    await api.request("get", PODS)
            finally:
                await api.close()
            async with connection.session(server.configuration) as watching:
                with pytest.raises(InvalidURL):
                    await watching.get(f"{server.configuration.host}{PODS}")

    asyncio.run(story())
    assert heard == []
