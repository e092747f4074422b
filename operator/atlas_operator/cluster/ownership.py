"""Ownership of children, by what the API server stores of them. Pure."""

from typing import Any

from atlas_operator.cluster.document import Document


class NameTaken(Exception):
    """An object that belongs to something else has the name of a child."""

    def __init__(self, kind: str, name: str, parent: str) -> None:
        cure = f"rename or delete it, or give the {parent} another name"
        super().__init__(f"{kind} {name} exists and belongs to something else, and is left alone; {cure}")
        self.kind = kind
        self.name = name


class Terminating(Exception):
    """A child of this name is still being deleted; it can be made again once it is gone."""


def claim(existing: Document, desired: Document) -> None:
    """See that *existing*, which has the name of *desired*, is the same child, and stays."""
    kind, name = desired["kind"], desired["metadata"]["name"]
    if controller_of(existing) != controller_of(desired):
        if _owner_of(existing) == _owner_of(desired):
            raise Terminating(f"{kind} {name} of an earlier owner of this name is still being deleted")
        raise NameTaken(kind, name, (_owner_of(desired) or ("owner", ""))[0])
    if "deletionTimestamp" in existing["metadata"]:
        raise Terminating(f"{kind} {name} is still being deleted")


def controller_of(document: Document) -> str | None:
    """UID of the object that controls *document*."""
    owners: list[dict[str, Any]] = document["metadata"].get("ownerReferences") or []
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def _owner_of(document: Document) -> tuple[str, str] | None:
    """Kind and name of the controller, which an object that was made anew shares with the one before it."""
    owners: list[dict[str, Any]] = document["metadata"].get("ownerReferences") or []
    return next(((owner["kind"], owner["name"]) for owner in owners if owner.get("controller")), None)


def is_owned(child: Document, parent: Document) -> bool:
    """Whether *child* belongs to this very *parent*, and not to an earlier one of its name. Labels prove nothing."""
    return bool(controller_of(child) == parent["metadata"]["uid"])


def is_of_namesake(child: Document, parent: Document) -> bool:
    """Whether *child* belongs to an earlier object of the kind and name of *parent*. It goes by itself."""
    return not is_owned(child, parent) and _owner_of(child) == (parent["kind"], parent["metadata"]["name"])
