"""The operator as a process of its own, with the rights of its own RBAC manifest and no others."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.kubectl import Kubectl
from cluster.processes import wait_until

ROOT = Path(__file__).parents[2]
NAMESPACE = "atlas-system"


def install(kubectl: Kubectl) -> None:
    """What an administrator applies: the CRDs and the operator's rights."""
    if kubectl.find("namespace", NAMESPACE) is None:
        kubectl.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for manifest in ("crds/atlastrainings.yaml", "crds/rewardservices.yaml", "operator/rbac.yaml"):
        kubectl.within(NAMESPACE).run("apply", "--server-side", "--force-conflicts", "-f", ROOT / manifest)
    for plural in ("atlastrainings", "rewardservices"):
        kubectl.run("wait", "--for=condition=Established", f"crd/{plural}.atlas.arc.computer", "--timeout=30s")


def kubeconfig_of_the_operator(kubectl: Kubectl, folder: Path) -> Path:
    """A kubeconfig with a token of the operator's ServiceAccount."""
    document = json.loads(kubectl.run("config", "view", "--raw", "-o", "json"))
    token = kubectl.within(NAMESPACE).run("create", "token", "atlas-operator", "--duration=24h").strip()
    document["users"][0]["user"] = {"token": token}
    path = folder / "operator.kubeconfig"
    path.write_text(json.dumps(document))
    return path


@contextmanager
def operator(kubeconfig: Path, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running operator that is ready; stopped with SIGTERM at the end, when it must end well."""
    port = 20000 + os.getpid() % 20000
    command = [sys.executable, "-m", "atlas_operator", f"--health-port={port}", *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, "KUBECONFIG": str(kubeconfig)}
        )
    try:
        wait_until("operator", lambda: _is_ready(process, port, log), seconds=30)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, f"the operator ended with {process.returncode}: {log.read_text()[-2000:]}"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
