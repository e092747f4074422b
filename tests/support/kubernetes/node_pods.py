"""Pods for tests on a real node: the trainer image under the strictest Pod Security, and what became of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.kubectl import Document, Kubectl
from cluster.programs.place import Place
from cluster.real_node.images import NON_ROOT, TRAINER
from cluster.real_node.mounts import Mount, pod_volumes

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass(frozen=True)
class NodeCluster:
    """A running cluster with a real node; `kubectl` is the administrator's."""

    place: Place
    kubectl: Kubectl


@dataclass(frozen=True)
class Workspace:
    """A namespace under the `restricted` Pod Security, and claims with which its pods run this project's Python."""

    kubectl: Kubectl
    mounts: list[Mount]


def make_namespace(kubectl: Kubectl, name: str) -> Kubectl:
    """A namespace that takes only pods of the `restricted` Pod Security."""
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": RESTRICTED}})
    within = kubectl.within(name)
    within.wait_for("serviceaccount", "default", lambda account: account is not None)  # no pod can be made before
    return within


def trainer_spec(
    mounts: list[Mount], script: str, *arguments: str, container: str = "trainer", environment: Mapping[str, str] = {}
) -> dict[str, Any]:
    """Spec of a pod that runs a Python script once: non-root, read-only root, /dev/shm in memory, a writable /tmp."""
    volumes, inside = pod_volumes(mounts)
    shared = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "256Mi"}}
    scratch = {"name": "tmp", "emptyDir": {}}
    inside += [{"name": "shm", "mountPath": "/dev/shm"}, {"name": "tmp", "mountPath": "/tmp"}]
    variables = {"OMP_NUM_THREADS": "1", **environment}
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": NON_ROOT,
            "fsGroup": NON_ROOT,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": container,
                "image": TRAINER,
                "imagePullPolicy": "IfNotPresent",
                "command": ["python", "-c", script, *arguments],
                "env": [{"name": name, "value": value} for name, value in variables.items()],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": inside,
            }
        ],
        "volumes": [*volumes, shared, scratch],
    }


def run_pod(kubectl: Kubectl, name: str, spec: dict[str, Any], seconds: float = 120) -> tuple[str, str]:
    """Run a pod to its end; its phase (Succeeded, Failed) and its log."""
    kubectl.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    pod = kubectl.wait_for("pod", name, _has_ended, f"the pod {name} ends", seconds)
    return pod["status"]["phase"] if pod else "", kubectl.run("logs", name)


def _has_ended(pod: Document | None) -> bool:
    return pod is not None and pod["status"].get("phase") in {"Succeeded", "Failed"}
