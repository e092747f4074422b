"""What an API server keeps, and its clock: in memory, for simulations. `object_server` is one that answers requests."""

import copy
from datetime import datetime

from support.kubernetes.kube_objects import BEGIN, timestamp

from atlas_operator.cluster.document import Document


class ObjectStore:
    """Objects by kind and name. Reads are never stale."""

    def __init__(self) -> None:
        self.now: datetime = BEGIN
        self.version = 0
        """How often anything changed, as resourceVersion counts."""

        self.objects: dict[tuple[str, str], Document] = {}
        self._created = 0

    @property
    def timestamp(self) -> str:
        """Now, as Kubernetes writes it."""
        return timestamp(self.now)

    def of_kind(self, kind: str) -> list[Document]:
        """All objects of a kind, in the order in which they were made."""
        return [document for (found, _), document in self.objects.items() if found == kind]

    def create(self, document: Document) -> None:
        """Keep a new object; nothing happens where one has its name."""
        if key(document) not in self.objects:
            self._created += 1
            made = {"uid": f"uid-{self._created}", "creationTimestamp": self.timestamp}
            self.put({**copy.deepcopy(document), "metadata": {**copy.deepcopy(document["metadata"]), **made}})

    def put(self, document: Document) -> None:
        """Keep an object in place of what has its name."""
        self.objects[key(document)] = document
        self.version += 1

    def delete(self, document: Document) -> None:
        """Remove an object. A document without a UID names only what has the same owner."""
        found = self.objects.get(key(document))
        if found and ("uid" in document["metadata"] or owner(found) == owner(document)):
            del self.objects[key(document)]
            self.version += 1


def key(document: Document) -> tuple[str, str]:
    """Kind and name of an object."""
    return document["kind"], document["metadata"]["name"]


def owner(document: Document) -> str | None:
    """UID of the controller of an object."""
    owners = document["metadata"].get("ownerReferences", [])
    return next((each["uid"] for each in owners if each.get("controller")), None)
