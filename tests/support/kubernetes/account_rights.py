"""What a ServiceAccount may do, asked of the API server, and what its pods may: tokens are made for one pod each."""

from pathlib import Path

from cluster.kubectl import Document, Kubectl, Refused
from support.kubernetes.operator_process import kubeconfig_of


def may(kubectl: Kubectl, account: str, *what: str) -> bool:
    """Whether *account*, of kubectl's namespace, may do *what*: a verb and a resource, as `kubectl auth can-i` has."""
    as_account = f"--as=system:serviceaccount:{kubectl.namespace}:{account}"
    try:
        return kubectl.run("auth", "can-i", *what, as_account).strip() == "yes"
    except Refused:
        return False


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
