"""Kubernetes events: a repeated one raises the count of the first instead of adding another.

An event that cannot be written is logged and forgotten: it never stops a reconciliation.
"""

import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from atlas_operator.cluster import labels
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.rest.api import Api, ApiError, NotLeading, Unreachable
from atlas_operator.status.plan_types import EventType

WINDOW = timedelta(minutes=5)
_REMEMBERED = 2000
_MESSAGE = 1024
_NAME = 220

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Posted:
    """An event that exists: its name, how often it was seen, and when last."""

    name: str
    count: int
    last: datetime


class Recent:
    """The events of the last minutes, at most 2000: what is repeated within 5 minutes is the same event."""

    def __init__(self) -> None:
        self._posted: OrderedDict[tuple[str, str, str], Posted] = OrderedDict()

    def find(self, key: tuple[str, str, str], now: datetime) -> Posted | None:
        """The event with this UID, reason and message, unless it is too old."""
        posted = self._posted.get(key)
        return posted if posted and now - posted.last < WINDOW else None

    def remember(self, key: tuple[str, str, str], posted: Posted) -> None:
        """Note that this event was written."""
        self._posted[key] = posted
        self._posted.move_to_end(key)
        if len(self._posted) > _REMEMBERED:
            self._posted.popitem(last=False)


class EventRecorder:
    """Writes core/v1 events."""

    def __init__(self, api: Api, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._api = api
        self._clock = clock
        self._recent = Recent()

    async def post(self, about: Document, kind: EventType, reason: str, message: str) -> None:
        """An event about the object *about*: *reason* in one CamelCase word, *message* in one line."""
        message = message[:_MESSAGE]
        try:
            await self._post(about, kind, reason, message, self._clock())
        except (ApiError, Unreachable, NotLeading) as error:
            _log.warning("event %s was not written: %s", reason, error)

    async def _post(self, about: Document, kind: EventType, reason: str, message: str, now: datetime) -> None:
        metadata = about["metadata"]
        key = (metadata["uid"], reason, message)
        path = f"/api/v1/namespaces/{metadata['namespace']}/events"
        known = self._recent.find(key, now)
        if known is not None and await self._raise_count(path, known, now):
            self._recent.remember(key, Posted(known.name, known.count + 1, now))
            return
        document = event(about, kind, reason, message, now)
        await self._api.request("create", path, document)
        self._recent.remember(key, Posted(document["metadata"]["name"], 1, now))

    async def _raise_count(self, path: str, known: Posted, now: datetime) -> bool:
        change = {"count": known.count + 1, "lastTimestamp": _text(now)}
        try:
            await self._api.request("patch", f"{path}/{known.name}", change)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return True


def event(about: Document, kind: EventType, reason: str, message: str, now: datetime) -> Document:
    """A new core/v1 Event about *about*."""
    metadata = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name'][:_NAME].rstrip('.-')}.{secrets.token_hex(8)}",
            "namespace": metadata["namespace"],
        },
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": _text(now),
        "lastTimestamp": _text(now),
        "source": {"component": labels.FIELD_MANAGER},
        "reportingComponent": labels.FIELD_MANAGER,
        "reportingInstance": labels.FIELD_MANAGER,
    }


def _text(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
