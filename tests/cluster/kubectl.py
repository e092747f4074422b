"""kubectl for tests and for the cluster's own components: documents in, documents out.

It knows a kubeconfig file and a namespace; it does not know which cluster is behind it.
"""

import json
import os
import subprocess
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from cluster.programs.binaries import path
from cluster.programs.processes import PATIENCE, ClusterError, wait_until

Document = dict[str, Any]
"""A Kubernetes object as JSON."""

_WATCH_SECONDS = 10
"""How long one watch lasts. What happens between two of them is seen by a look before each."""


class Refused(Exception):
    """kubectl ended with an error; the text is what it said, the API server's message in it."""


class Kubectl:
    """One cluster, one namespace. Every call asks the API server anew."""

    def __init__(self, kubeconfig: Path, namespace: str = "default") -> None:
        self.kubeconfig = kubeconfig
        self.namespace = namespace

    def within(self, namespace: str) -> "Kubectl":
        """The same cluster, another namespace."""
        return Kubectl(self.kubeconfig, namespace)

    def run(self, *arguments: str | Path, text: str = "") -> str:
        """What `kubectl ARGUMENTS` prints, `text` on its standard input.

        Raises:
            Refused: it ended with an error.
        """
        command, environment = self._command(arguments), self._environment()
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def begin(self, *arguments: str, output: IO[str] | None = None) -> subprocess.Popen[bytes]:
        """`kubectl ARGUMENTS` as a process beside the caller, who ends it. It prints to *output*, or where we print."""
        return subprocess.Popen(self._command(arguments), stdout=output, stderr=output, env=self._environment())

    def _command(self, arguments: Iterable[str | Path]) -> list[str]:
        common = ["--kubeconfig", str(self.kubeconfig), "--namespace", self.namespace]
        return [str(path("kubectl")), *common, *map(str, arguments)]

    def _environment(self) -> dict[str, str]:
        # Its discovery cache lies beside the kubeconfig file: it goes with the cluster, and nothing is kept at home.
        # It ends long before it needs the memory again that it would collect.
        return {**os.environ, "KUBECACHEDIR": str(self.kubeconfig.parent / "kubectl-cache"), "GOGC": "off"}

    def apply(self, document: Mapping[str, Any], *options: str) -> Document:
        """Server-side apply; an object's `metadata.namespace`, if it has one, must be this namespace. The answer."""
        arguments = ("apply", "--server-side", "--force-conflicts", "-o", "json", "-f", "-", *options)
        return _document(self.run(*arguments, text=json.dumps(document)))

    def create(self, document: Mapping[str, Any], *options: str) -> Document:
        """Create the object; Refused when it exists. The answer."""
        return _document(self.run("create", "-o", "json", "-f", "-", *options, text=json.dumps(document)))

    def get(self, kind: str, name: str = "", *options: str) -> Document:
        """One object, or without a name the list (`items`) of a kind. Refused when it does not exist."""
        return _document(self.run("get", kind, *([name] if name else []), "-o", "json", *options))

    def find(self, kind: str, name: str) -> Document | None:
        """One object, or None when it does not exist."""
        text = self.run("get", kind, name, "-o", "json", "--ignore-not-found")
        return _document(text) if text else None

    def items(self, kind: str, selector: str = "") -> list[Document]:
        """All objects of a kind in the namespace, those with the labels of `selector` (`a=b,c=d`)."""
        items: list[Document] = self.get(kind, "", *(["--selector", selector] if selector else []))["items"]
        return items

    def patch(self, kind: str, name: str, document: Mapping[str, Any], *options: str) -> Document:
        """JSON merge patch; `--subresource=status` as an option patches the status."""
        arguments = ("patch", kind, name, "--type=merge", "-o", "json", "--patch", json.dumps(document), *options)
        return _document(self.run(*arguments))

    def annotate(self, kind: str, name: str, annotations: Mapping[str, str | None]) -> Document:
        """Set annotations of an object; None removes one."""
        return self.patch(kind, name, {"metadata": {"annotations": dict(annotations)}})

    def delete(self, kind: str, name: str, *options: str) -> None:
        """Delete an object and wait until it is gone; `--wait=false` as an option does not wait."""
        self.run("delete", kind, name, *options)

    def wait_for(
        self,
        kind: str,
        name: str,
        condition: Callable[[Document | None], bool],
        what: str = "",
        seconds: float = PATIENCE,
    ) -> Document | None:
        """Wait until `condition` holds for the object (None while it does not exist); that object.

        The `seconds` begin anew with every change of the object.

        Raises:
            ClusterError: the time is over; with the object's last status.
        """
        seen: Document | None = None

        def holds() -> bool:
            nonlocal seen
            with closing(self._changes(kind, name)) as changes:
                for seen in changes:
                    if condition(seen):
                        return True
            return False

        def version() -> str:
            return seen["metadata"]["resourceVersion"] if seen else ""

        try:
            wait_until(what or f"{kind} {name}", holds, seconds=seconds, state=version)
        except ClusterError as late:
            last = json.dumps(seen.get("status")) if seen else "that it does not exist"
            raise ClusterError(f"{late}; the last status of {kind} {name}: {last}") from None
        return seen

    def _changes(self, kind: str, name: str) -> Generator[Document | None]:
        """The object as it is, and as each change of the next seconds leaves it; None where it does not exist."""
        yield self.find(kind, name)
        selector = f"--field-selector=metadata.name={name}"
        events = ("--watch", "--output-watch-events", "--output=json", f"--request-timeout={_WATCH_SECONDS}s")
        command = self._command(("get", kind, selector, *events))
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=self._environment()
        ) as watch:
            try:
                for line in watch.stdout or ():
                    event = json.loads(line)
                    if event["type"] == "ERROR":  # the API server has lost track
                        return
                    yield None if event["type"] == "DELETED" else event["object"]
            finally:
                watch.kill()


def _document(text: str) -> Document:
    document: Document = json.loads(text)
    return document
