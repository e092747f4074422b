"""Parts that the builders of all children share: owner, labels, and the account by which pods report. Pure."""

from typing import Any

from atlas_api.names import short_name
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.drift import marked
from atlas_operator.cluster.labels import FIELD_MANAGER, GROUP, MANAGED_BY, PARENTS, VERSION

RBAC = "rbac.authorization.k8s.io/v1"


def child_metadata(parent: Document, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Metadata of the child *name*: the API server deletes it with *parent*. *labels* are added to `own_labels`."""
    metadata, kind = parent["metadata"], parent["kind"]
    owner = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": kind,
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": {**own_labels(parent), **labels},
        "annotations": {PARENTS[kind]: metadata["name"]},
        "ownerReferences": [owner],
    }


def child(parent: Document, api: str, kind: str, name: str, labels: dict[str, str], **content: Any) -> Document:
    """The child *name* of this *kind*; *content* stands beside its metadata."""
    return {"apiVersion": api, "kind": kind, "metadata": child_metadata(parent, name, labels), **content}


def reporter_account(
    parent: Document, name: str, report: str, labels: dict[str, str], users_account: str | None = None
) -> tuple[Document, ...]:
    """The ServiceAccount *name*, which may read and patch the ConfigMap *report* and nothing else.

    With *users_account*, which exists, that one gets this right beside its own, and none is made. The binding is
    `marked`: it is made anew for another account.
    """
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [report], "verbs": ["get", "patch"]}
    role = {"apiGroup": RBAC.removesuffix("/v1"), "kind": "Role", "name": name}
    account = users_account or name
    subject = {"kind": "ServiceAccount", "name": account, "namespace": parent["metadata"]["namespace"]}
    own = child(parent, "v1", "ServiceAccount", name, labels, automountServiceAccountToken=False)
    return (
        *([own] if users_account is None else []),
        child(parent, RBAC, "Role", name, labels, rules=[rule]),
        marked(child(parent, RBAC, "RoleBinding", name, labels, roleRef=role, subjects=[subject])),
    )


def own_labels(parent: Document) -> dict[str, str]:
    """Labels of the children of *parent*, and of their pods."""
    return {PARENTS[parent["kind"]]: short_name(parent["metadata"]["name"]), MANAGED_BY: FIELD_MANAGER}
