"""The scoring service as a process of its own, and configurations for it."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from support import first_calls
from support.judges.judge_replies import JudgeRequest, Reply, Script, verdict

PATIENCE = 60


def service_manifest(base_url: str, **spec: Any) -> dict[str, Any]:
    """A RewardService with one judge behind *base_url* that answers once; any field of the spec as on the wire."""
    return judges_manifest(base_url, ["accuracy"], **{"temperatures": [0.2], "retries": {"attempts": 1}, **spec})


def judges_manifest(base_url: str, names: Sequence[str], /, **spec: Any) -> dict[str, Any]:
    """A RewardService with judges behind *base_url* that are named like their rubrics; keywords as above."""
    return {
        "apiVersion": "atlas.arc.computer/v1alpha1",
        "kind": "RewardService",
        "metadata": {"name": "rewards"},
        "spec": {
            "judges": [{"name": name, "rubric": name} for name in names],
            "models": {"small": {"model": "small", "baseUrl": base_url}},
            **spec,
        },
    }


def write_manifest(file: Path, manifest: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(manifest))
    return file


def item(completion: Any = "It is 42.", **more: Any) -> dict[str, Any]:
    """One item as on the wire."""
    return {"prompt": "What is 6*7?", "completion": completion, **more}


def results(response: httpx.Response) -> list[dict[str, Any]]:
    """What became of each item of a request."""
    assert response.status_code == 200, response.text
    return list(response.json()["results"])


def code(response: httpx.Response) -> tuple[int, str]:
    """Status and error code of a refused request."""
    return response.status_code, response.json()["error"]["code"]


def holding(release: threading.Event) -> Script:
    """A judge that answers nobody before *release*, however long that takes."""

    def script(_: JudgeRequest) -> Reply:
        release.wait(PATIENCE)  # all of the judge stands still, and goes on even when the test has failed
        return verdict(0.5)

    return script


def slow(seconds: float) -> Callable[[JudgeRequest], Reply]:
    """The script of a judge that takes its time."""

    def script(request: JudgeRequest) -> Reply:
        return Reply(**{**vars(verdict(0.5)), "latency": seconds})

    return script


@dataclass
class Served:
    """A running service."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    token: str | None = None

    @property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE, trust_env=False)

    def get(self, path: str) -> httpx.Response:
        with self.client as client:
            return client.get(path)

    def score(self, *items: Any) -> httpx.Response:
        with self.client as client:
            return client.post("/v1/score", json={"items": list(items)})

    def metric(self, sample: str) -> float:
        """Value of a sample as in `name{label="value"}`; 0 where it is not there yet."""
        found = re.search(rf"^{re.escape(sample)} (\S+)$", self.get("/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def lines(self) -> list[dict[str, Any]]:
        """Lines of the service's log, as JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)


@contextmanager
def serving(
    config: Path,
    log: Path,
    port: int = 0,
    token: str | None = None,
    calls: Path | None = None,
    *,
    descriptors: int | None = None,
    **variables: str,
) -> Iterator[Served]:
    """A service that listens; killed at the end if it still runs. *calls*: see `first_calls`. *descriptors*: how many
    it may have.
    """
    process = run(config, log, port, calls, descriptors=descriptors, **variables)
    try:
        yield Served(process, _address(process, log), log, token)
    finally:
        process.kill()
        process.wait()


def run(
    config: Path,
    log: Path,
    port: int = 0,
    calls: Path | None = None,
    *,
    descriptors: int | None = None,
    **variables: str,
) -> subprocess.Popen[bytes]:
    """The command, started."""
    command = [*first_calls.command("atlas_rewards.server.main", calls), "serve", "--config", str(config)]
    command += [f"--port={port}"]
    if descriptors is not None:
        command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **variables})


def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come"
        time.sleep(0.02)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    def found() -> re.Match[str] | None:
        assert process.poll() is None, log.read_text()
        return re.search(r"listening on (http://[^\"]+)", log.read_text())

    until(found)
    match = found()
    assert match is not None
    return match[1]
