"""
Folders of this machine in pods: PersistentVolumes, so that namespaces with the `restricted` Pod Security take them.

Tests call it per namespace. The interpreter, the virtual environment and the sources appear in pods at their own paths;
that is what makes `python` work in the trainer image.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from cluster.kubectl import Kubectl
from cluster.programs.processes import wait_until

PROJECT = Path(__file__).parents[3]
SOURCES = ("crds", "operator", "trainer", "rewards", "cli", "examples")
_SIZE = "1Gi"  # Kubernetes wants one; nothing enforces it for folders


class Mount(TypedDict):
    """An entry of `compute.volumes`."""

    claim: str
    mountPath: str


def torch_claims(kubectl: Kubectl, namespace: str) -> list[Mount]:
    """Make read-only claims of the interpreter, the virtual environment and the sources in `namespace`."""
    folders = {"interpreter": Path(sys.base_prefix), "environment": Path(sys.prefix)}
    folders |= {name: PROJECT / name for name in SOURCES}
    return folder_claims(kubectl, namespace, folders)


def folder_claims(
    kubectl: Kubectl, namespace: str, folders: Mapping[str, Path], *, writable: bool = False
) -> list[Mount]:
    """Make claims of folders of this machine, by the claims' names, and wait until pods can use them."""
    mode = "ReadWriteMany" if writable else "ReadOnlyMany"
    volumes = [_volume(namespace, name, folder, mode) for name, folder in folders.items()]
    claims = [_claim(namespace, name, mode) for name in folders]
    kubectl.within(namespace).apply({"apiVersion": "v1", "kind": "List", "items": [*volumes, *claims]})
    # A pod that comes before its claims are bound is tried again only after a while.
    wait_until(f"the claims in {namespace} are bound", lambda: _are_bound(kubectl.within(namespace)))
    return [{"claim": name, "mountPath": str(folder)} for name, folder in folders.items()]


def pod_volumes(mounts: list[Mount]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """`volumes` and `volumeMounts` of a pod that mounts the claims read-only."""
    sources = [{"claimName": mount["claim"], "readOnly": True} for mount in mounts]
    volumes = [{"name": source["claimName"], "persistentVolumeClaim": source} for source in sources]
    inside = [{"name": mount["claim"], "mountPath": mount["mountPath"], "readOnly": True} for mount in mounts]
    return volumes, inside


def remove_volumes(kubectl: Kubectl, namespace: str) -> None:
    """Remove the volumes of a namespace; the claims go with the namespace."""
    kubectl.run("delete", "persistentvolumes", "--selector", f"atlas-namespace={namespace}", "--wait=false")


def _volume(namespace: str, name: str, folder: Path, mode: str) -> dict[str, Any]:
    """A volume that only the one claim may take."""
    owner = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": namespace, "name": name}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{name}", "labels": {"atlas-namespace": namespace}},
        "spec": {
            "capacity": {"storage": _SIZE},
            "accessModes": [mode],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "hostPath": {"path": str(folder), "type": "Directory"},
            "claimRef": owner,
        },
    }


def _claim(namespace: str, name: str, mode: str) -> dict[str, Any]:
    """A claim that waits for its volume. If it named the volume, both would often miss each other for 15 seconds."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "accessModes": [mode],
            "storageClassName": "",
            "resources": {"requests": {"storage": _SIZE}},
        },
    }


def _are_bound(kubectl: Kubectl) -> bool:
    return all(claim["status"].get("phase") == "Bound" for claim in kubectl.items("persistentvolumeclaims"))
