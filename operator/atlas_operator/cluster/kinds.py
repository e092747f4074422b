"""The kinds of objects that the operator reads or writes, and where the API server keeps them."""

from atlas_operator.cluster import labels
from atlas_operator.cluster.document import Document

_RBAC = "rbac.authorization.k8s.io/v1"

KINDS: dict[str, tuple[str, str]] = {
    "AtlasTraining": (f"{labels.GROUP}/{labels.VERSION}", labels.PLURAL),
    "RewardService": (f"{labels.GROUP}/{labels.VERSION}", labels.REWARDS_PLURAL),
    "PyTorchJob": ("kubeflow.org/v1", "pytorchjobs"),
    "Job": ("batch/v1", "jobs"),
    "Deployment": ("apps/v1", "deployments"),
    "Service": ("v1", "services"),
    "PodDisruptionBudget": ("policy/v1", "poddisruptionbudgets"),
    "Pod": ("v1", "pods"),
    "ConfigMap": ("v1", "configmaps"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Role": (_RBAC, "roles"),
    "RoleBinding": (_RBAC, "rolebindings"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Secret": ("v1", "secrets"),
    "Event": ("v1", "events"),
    "Lease": ("coordination.k8s.io/v1", "leases"),
}
"""apiVersion and plural by kind. All of them live in namespaces."""


def version_path(kind: str) -> str:
    """Path of the discovery document that lists the kind's version."""
    version, _ = KINDS[kind]
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def collection_path(kind: str, namespace: str | None) -> str:
    """Path of all objects of a kind in a namespace; None: in all namespaces."""
    where = f"/namespaces/{namespace}" if namespace is not None else ""
    return f"{version_path(kind)}{where}/{KINDS[kind][1]}"


def object_path(kind: str, namespace: str, name: str) -> str:
    """Path of one object."""
    return f"{collection_path(kind, namespace)}/{name}"


def path_of(document: Document) -> str:
    """Path of the object that *document* is."""
    return object_path(document["kind"], document["metadata"]["namespace"], document["metadata"]["name"])
