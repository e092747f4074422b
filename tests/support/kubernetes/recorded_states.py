"""
Every state of our objects that an API server has shown while tests ran, and what GitOps tools make of each.

Used by the tests on a control plane: whatever else they look at, kstatus and Argo CD must never disagree on the way.
"""

import json
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cluster.kubectl import Document, Kubectl
from support.kubernetes import argocd, kstatus

from atlas_api.crd import RESOURCES

AGREE = {
    "Current": {"Healthy", "Suspended"},
    "InProgress": {"Progressing"},
    "Failed": {"Degraded"},
    "Terminating": {"Progressing"},
}
"""What Argo CD may show for what kstatus says."""


@contextmanager
def recorded_states(
    kubectl: Kubectl, namespaces: Collection[str], folder: Path
) -> Iterator[Callable[[], list[Document]]]:
    """Watch beside the block; the function returns what the API server has shown of *namespaces*, in its order."""
    files = {resource.plural: folder / f"{resource.plural}.jsonl" for resource in RESOURCES}
    with ExitStack() as stack:
        watches = [stack.enter_context(_watch(kubectl, plural, file)) for plural, file in files.items()]

        def shown() -> list[Document]:
            assert [watch.poll() for watch in watches] == [None, None], "a watch has ended: states are missing"
            lines = [line for file in files.values() for line in file.read_text().splitlines(keepends=True)]
            states: list[Document] = [json.loads(line)["object"] for line in lines if line.endswith("\n")]
            return [state for state in states if state["metadata"]["namespace"] in namespaces]

        yield shown


@contextmanager
def _watch(kubectl: Kubectl, plural: str, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    address = f"/apis/atlas.arc.computer/v1alpha1/{plural}?watch=1"
    with file.open("w") as output, kubectl.begin("get", "--raw", address, output=output) as process:
        try:
            yield process
        finally:
            process.terminate()


def disagreements(states: list[Document]) -> list[str]:
    """Each of *states* that a GitOps tool would call finished, failed or busy where another one would not."""
    return [
        f"kstatus says {told.status}, Argo CD {shown}, of {json.dumps(state)}"
        for state, told in zip(states, kstatus.verdicts(states), strict=True)
        if (shown := argocd.health(state).status) not in AGREE[told.status]
    ]
