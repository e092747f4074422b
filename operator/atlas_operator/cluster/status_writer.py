"""Writes of a status: its form on the wire, and how long figures alone wait. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from atlas_api.base import ApiModel
from atlas_operator.cluster.document import Document, time_of
from atlas_operator.cluster.labels import FIELD_MANAGER


def wire(status: ApiModel) -> Document:
    """The status as it is applied, without empty maps and lists: server-side apply makes null of one that had more."""
    document: Document = _without_empty(status.model_dump(mode="json", by_alias=True, exclude_none=True))
    return document


def pause(
    document: Document, status: Document, without_figures: Callable[[Document], Document], every: float, now: datetime
) -> float | None:
    """Seconds to wait when nothing but figures of *document* changed to *status*, and those were written too recently.

    Figures alone are written once in *every* seconds.
    """
    before = document.get("status", {})
    if before == status or without_figures(before) != without_figures(status):
        return None
    wait = (last_write(document) + timedelta(seconds=every) - now).total_seconds()
    return wait if wait > 0 else None


def last_write(document: Document) -> datetime:
    """When this operator last wrote the status, by the API server's clock."""
    times = (
        time_of(entry.get("time"))
        for entry in document["metadata"].get("managedFields", [])
        if entry.get("manager") == FIELD_MANAGER
    )
    return max((at for at in times if at), default=datetime.min.replace(tzinfo=UTC))


def _without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(item) for item in value]
    if not isinstance(value, dict):
        return value
    slim = {name: _without_empty(inner) for name, inner in value.items()}
    return {name: inner for name, inner in slim.items() if inner not in ({}, [])}
