"""Pods that report, as the API server knows them: by a token that was made for one pod, as the kubelet asks for it."""

from pathlib import Path

from cluster.kubectl import Document, Kubectl
from support.kubernetes.operator_process import kubeconfig_of


def as_pod(kubectl: Kubectl, account: str, pod: str, folder: Path) -> Kubectl:
    """kubectl with the token of *account* that *pod*, which exists, would get."""
    own = folder / pod
    own.mkdir()
    bound = ("--bound-object-kind=Pod", f"--bound-object-name={pod}")
    return Kubectl(kubeconfig_of(kubectl, account, own, *bound), kubectl.namespace)


def make_pod_of(kubectl: Kubectl, account: str, name: str) -> Document:
    """A pod that waits for a node for ever, and may have a token all the same."""
    spec = {
        "serviceAccountName": account,
        "containers": [{"name": "pytorch", "image": "example.test/trainer:1"}],
        "nodeSelector": {"no": "such-node"},
    }
    return kubectl.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
