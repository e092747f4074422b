"""The operator as a process of its own, with the rights of its own RBAC manifest and no others."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cluster.kubectl import Kubectl
from cluster.programs.processes import wait_until
from support import first_calls

ROOT = Path(__file__).parents[3]
NAMESPACE = "atlas-system"
SECONDS_TO_START = 120


@dataclass(frozen=True)
class OperatorProcess:
    """An operator's process and what it logged so far."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The whole lines of its log."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def says(self, text: str) -> bool:
        """Whether a message of its log holds *text*."""
        return any(text in line["message"] for line in self.lines())

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of a page of its health port."""
        port = next(line["message"].rsplit(" ", 1)[1] for line in self.lines() if "on port" in line["message"])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode().strip()

    def has_begun(self) -> bool:
        """Whether its health port answers by now; fails with the log when the process has ended."""
        assert self.process.poll() is None, f"the operator ended with {self.process.returncode}: {self.log.read_text()}"
        return self.says("on port")

    def is_ready(self) -> bool:
        """Whether its watches are open."""
        return self.get("/readyz") == (HTTPStatus.OK, "ok")


def install(kubectl: Kubectl) -> None:
    """What an administrator applies: the CRDs, the operator's rights, and what its pods may not change."""
    if kubectl.find("namespace", NAMESPACE) is None:
        kubectl.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for manifest in (
        "crds/atlastrainings.yaml",
        "crds/rewardservices.yaml",
        "operator/rbac.yaml",
        "operator/admission.yaml",
    ):
        kubectl.within(NAMESPACE).run("apply", "--server-side", "--force-conflicts", "-f", ROOT / manifest)
    for plural in ("atlastrainings", "rewardservices"):
        kubectl.run("wait", "--for=condition=Established", f"crd/{plural}.atlas.arc.computer", "--timeout=300s")


def kubeconfig_of_the_operator(kubectl: Kubectl, folder: Path) -> Path:
    """A kubeconfig of the operator's ServiceAccount."""
    return kubeconfig_of(kubectl.within(NAMESPACE), "atlas-operator", folder)


def kubeconfig_of(kubectl: Kubectl, account: str, folder: Path, *options: str) -> Path:
    """A kubeconfig with a token of a ServiceAccount in kubectl's namespace; *options* are those of `create token`."""
    document = json.loads(kubectl.run("config", "view", "--raw", "-o", "json"))
    token = kubectl.run("create", "token", account, "--duration=24h", *options).strip()
    document["users"][0]["user"] = {"token": token}
    path = folder / f"{account}.kubeconfig"
    path.write_text(json.dumps(document))
    return path


@contextmanager
def begun_operator(
    kubeconfig: Path, log: Path, *arguments: str, calls: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[OperatorProcess]:
    """An operator that has begun, on a free health port; killed at the end if it still runs. *calls*: `first_calls`.

    *variables* are added to its environment.
    """
    command = [*first_calls.command("atlas_operator", calls), "--health-port=0", *arguments]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), **(variables or {})}
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
    running = OperatorProcess(process, log)
    try:
        wait_until("operator", running.has_begun, seconds=SECONDS_TO_START)
        yield running
    finally:
        process.kill()
        process.wait()


@contextmanager
def operator(kubeconfig: Path, log: Path, *arguments: str) -> Iterator[OperatorProcess]:
    """An operator that is ready; stopped with SIGTERM at the end, when it must end well."""
    with begun_operator(kubeconfig, log, *arguments) as running:
        wait_until("readiness of the operator", running.is_ready, seconds=SECONDS_TO_START)
        yield running
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 0, log.read_text()
