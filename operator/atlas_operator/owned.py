"""What every child has in common: whose it is, and how it is found again. Pure; called by the builders of children."""

from typing import Any

from atlas_api.names import short_name
from atlas_operator.labels import FIELD_MANAGER, GROUP, MANAGED_BY, REWARDS, TRAINING, VERSION
from atlas_operator.observed import Document

_LABELS = {"AtlasTraining": TRAINING, "RewardService": REWARDS}


def owned(parent: Document, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """Metadata of the child *name*: the API server deletes it with *parent*. *labels* are added to ours."""
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
        "labels": {**ours(parent), **labels},
        "annotations": {_LABELS[kind]: metadata["name"]},
        "ownerReferences": [owner],
    }


def ours(parent: Document) -> dict[str, str]:
    """Labels of the children of *parent*, and of their pods."""
    return {_LABELS[parent["kind"]]: short_name(parent["metadata"]["name"]), MANAGED_BY: FIELD_MANAGER}
