"""
Fields of documents that others wrote: pods, jobs, events. Pure.

A field that is missing or of another type reads as empty, so that one odd object
never stops the operator. Knows no kind of object beyond what all share: metadata and conditions.
"""

from collections.abc import Iterable
from datetime import datetime

from atlas_operator.cluster.document import Document


def get_path(document: object, *path: str) -> object:
    """The value at *path*, None where there is none."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def mapping(document: object, *path: str) -> Document:
    """The object at *path*, empty when there is none."""
    value = get_path(document, *path)
    return value if isinstance(value, dict) else {}


def items(document: object, *path: str) -> list[Document]:
    """The objects in the list at *path*, empty when there is none."""
    value = get_path(document, *path)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def string(document: object, *path: str) -> str:
    """The text at *path*, empty when there is none."""
    value = get_path(document, *path)
    return value if isinstance(value, str) else ""


def integer(document: object, *path: str) -> int | None:
    """The whole number at *path*."""
    value = get_path(document, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def timestamp(document: object, *path: str) -> datetime | None:
    """The time at *path*. A time without a zone is none."""
    try:
        value = datetime.fromisoformat(string(document, *path))
    except ValueError:
        return None
    return value if value.tzinfo else None


def name_of(document: object) -> str:
    """Name of the object, also of one without."""
    return string(document, "metadata", "name") or "without a name"


def condition(document: object, kind: str) -> Document:
    """The newest condition of type *kind* in the object's status, empty when there is none."""
    return next((each for each in reversed(items(document, "status", "conditions")) if each.get("type") == kind), {})


def is_true(document: object, kind: str) -> bool:
    """Whether the condition *kind* is True."""
    return string(condition(document, kind), "status") == "True"


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """The latest of *moments*; None when there are none, or one is not known."""
    known = list(moments)
    return None if not known or None in known else max(each for each in known if each)
