"""Objects of the API server as JSON documents, and the keys of those that the operator reconciles."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Document = dict[str, Any]

Kind = Literal["AtlasTraining", "RewardService"]
"""Kinds of objects that are reconciled."""


@dataclass(frozen=True, slots=True)
class Key:
    """Namespace, name and kind of one object that is reconciled."""

    namespace: str
    name: str
    kind: Kind = "AtlasTraining"


def identity(document: Document) -> Document:
    """What says which object *document* is, its UID included: a change that names it reaches no other."""
    metadata = {field: document["metadata"][field] for field in ("name", "namespace", "uid")}
    return {"apiVersion": document["apiVersion"], "kind": document["kind"], "metadata": metadata}


def time_of(text: str | None) -> datetime | None:
    """The time that Kubernetes wrote as *text*."""
    return datetime.fromisoformat(text) if text else None
