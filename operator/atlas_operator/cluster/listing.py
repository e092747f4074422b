"""Lists of objects, page by page, and the events about some."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from http import HTTPStatus

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.kinds import KINDS, collection_path
from atlas_operator.cluster.rest.api import Api, ApiError

_PAGE = 500
_EVENTS = 100


async def objects(api: Api, kind: str, namespace: str | None, query: Mapping[str, str] | None = None) -> list[Document]:
    """All objects of *kind* in a namespace, None: in all. *query* narrows them. Raises what `Api.request` does."""
    try:
        return await _pages(api, kind, namespace, {**(query or {}), "limit": str(_PAGE)})
    except ApiError as error:
        # A list that took longer than the server keeps its pages: once more, in one piece.
        if error.status != HTTPStatus.GONE:
            raise
        return await _pages(api, kind, namespace, dict(query or {}))


async def if_served(listing: Awaitable[list[Document]]) -> list[Document] | None:
    """What *listing* finds; None where the API server does not know the kind. Raises what `Api.request` does."""
    try:
        return await listing
    except ApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


async def _pages(api: Api, kind: str, namespace: str | None, query: dict[str, str]) -> list[Document]:
    items: list[Document] = []
    while True:
        page = await api.request("list", collection_path(kind, namespace), query=query)
        # Lists of built-in kinds leave out what the list itself says.
        items += [{**item, "apiVersion": KINDS[kind][0], "kind": kind} for item in page["items"]]
        if not page["metadata"].get("continue"):
            return items
        query["continue"] = page["metadata"]["continue"]


async def events_about(api: Api, namespace: str, uids: Sequence[str]) -> list[Document]:
    """The newest events about the objects with these UIDs, oldest first."""
    lists = await asyncio.gather(*(_about(api, namespace, uid) for uid in uids))
    return sorted((event for events in lists for event in events), key=_seen_at)[-_EVENTS:]


async def _about(api: Api, namespace: str, uid: str) -> list[Document]:
    query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": str(_EVENTS)}
    answer = await api.request("list", collection_path("Event", namespace), query=query)
    return list(answer["items"])


def _seen_at(event: Document) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])
