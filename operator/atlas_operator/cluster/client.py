"""Client of the operator: it reads objects and their children, makes, changes and removes them, writes their status.

It knows no kind and decides nothing: plans say what is made, reported and removed. What changes is written by
server-side apply, so that fields of other people stay theirs.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus

from atlas_operator.cluster import labels
from atlas_operator.cluster.document import Document, Key, Kind
from atlas_operator.cluster.drift import is_outdated
from atlas_operator.cluster.events import EventRecorder
from atlas_operator.cluster.kinds import KINDS, collection_path, object_path, path_of, version_path
from atlas_operator.cluster.listing import events_about, objects
from atlas_operator.cluster.ownership import claim, controller_of
from atlas_operator.cluster.rest.api import Api, ApiError
from atlas_operator.cluster.served_schema import ServedSchemas
from atlas_operator.status.plan_types import EventType

_UNDECLARED = "field not declared in schema"
"""Words of the API server for a field that the CRD lacks; they come with status 500."""


class Stale(Exception):
    """The object is not as it was observed: somebody changed it, deleted it, or made it anew. Look again."""


class ClusterClient:
    """Objects on the API server, as far as the operator may see them. Errors of `Api.request` pass through."""

    def __init__(
        self,
        api: Api,
        *,
        on_create: Callable[[Document], None] = lambda _document: None,
        on_status: Callable[[Document, Document], None] = lambda _before, _after: None,
    ) -> None:
        """*on_create* gets each child that was made, *on_status* the status before and after each write of one."""
        self._api = api
        self._on_create = on_create
        self._on_status = on_status
        self._recorder = EventRecorder(api)
        self.schemas = ServedSchemas(api)
        """What the API server knows of our kinds."""

    def now(self) -> datetime:
        """The time by the API server's clock."""
        return self._api.now()

    async def serves(self, kind: str) -> bool:
        """Whether the API server knows the kind."""
        try:
            version = await self._api.request("get", version_path(kind))
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return False
        return any(resource["name"] == KINDS[kind][1] for resource in version["resources"])

    async def keys(self, kind: Kind, namespace: str | None) -> list[Key]:
        """Keys of all objects of *kind* in a namespace; None: in all namespaces."""
        items = await self.objects(kind, namespace)
        return [Key(item["metadata"]["namespace"], item["metadata"]["name"], kind) for item in items]

    async def objects(self, kind: str, namespace: str | None) -> list[Document]:
        """All objects of *kind* in a namespace; None: in all namespaces."""
        return await objects(self._api, kind, namespace)

    async def children(self, kind: str, parent: Key) -> list[Document]:
        """Objects of *kind* that carry the label of *parent*."""
        return await objects(self._api, kind, parent.namespace, {"labelSelector": labels.selector(parent)})

    async def events_about(self, namespace: str, uids: Sequence[str]) -> list[Document]:
        """The newest events about the objects with these UIDs, oldest first."""
        return await events_about(self._api, namespace, uids)

    async def get(self, key: Key) -> Document | None:
        """The object as it is now; None: there is none."""
        return await self._find(object_path(key.kind, key.namespace, key.name))

    async def create(self, document: Document) -> None:
        """Make a child; when it exists already as its owner's, nothing happens, unless `marked` says that it came of
        something else: then it is made anew.

        Raises `NameTaken`: an object of this name belongs to something else.
        Raises `Terminating`: the child of this name is being deleted.
        """
        try:
            await self._api.request("create", _collection_of(document), document)
        except ApiError as error:
            if not _exists_already(error):
                raise
            await self._adopt(document)
        else:
            self._on_create(document)

    async def create_unread(self, document: Document) -> None:
        """Make a child of a kind that the operator may not read; when one of its name exists, nothing happens."""
        try:
            await self._api.request("create", _collection_of(document), document)
        except ApiError as error:
            if not _exists_already(error):
                raise
        else:
            self._on_create(document)

    async def apply(self, document: Document) -> None:
        """Make a child, or change it to be like *document*: fields that other people set stay theirs.

        Raises `NameTaken`: an object of this name belongs to something else.
        Raises `Terminating`: the child of this name, or one of an earlier owner of the same name, is being deleted.
        Raises `Stale`: the child was deleted meanwhile.
        """
        existing = await self._find(path_of(document))
        if existing is not None:
            claim(existing, document)
            # With its UID: an object that somebody makes under this name meanwhile is refused.
            document = {**document, "metadata": {**document["metadata"], "uid": existing["metadata"]["uid"]}}
        query = {"fieldManager": labels.FIELD_MANAGER, "force": "true"}
        try:
            await self._api.request("apply", path_of(document), document, query)
        except ApiError as error:
            _unless(error, HTTPStatus.CONFLICT)
            raise Stale(str(error)) from error

    async def merge(self, document: Document) -> None:
        """Merge *document*, which has the UID of what is meant, into the object of its name. It may be gone.

        Null removes a field.
        """
        try:
            await self._api.request("patch", path_of(document), document)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)

    async def apply_status(self, parent: Document, status: Document) -> Document:
        """Write the whole status of *parent*, unless it has it already. The object as it is then.

        Fields that the CRD lacks are left out. Raises `Stale`: the object was changed, deleted, or made anew.
        """
        try:
            return await self._apply_status(parent, self.schemas.declared(parent["kind"], status))
        except ApiError as error:
            if _UNDECLARED not in str(error):
                raise
            await self.schemas.refresh()
            return await self._apply_status(parent, self.schemas.declared(parent["kind"], status))

    async def _apply_status(self, parent: Document, status: Document) -> Document:
        before = parent.get("status") or {}
        if before == status:
            return parent
        metadata = parent["metadata"]
        body = {
            "apiVersion": parent["apiVersion"],
            "kind": parent["kind"],
            # The version, since the API server does not look at the UID here.
            "metadata": {name: metadata[name] for name in ("name", "namespace", "resourceVersion")},
            "status": status,
        }
        query = {"fieldManager": labels.FIELD_MANAGER, "force": "true"}
        try:
            after = await self._api.request("apply", f"{path_of(parent)}/status", body, query)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
            raise Stale(str(error)) from error
        self._on_status(before, status)
        return after

    async def delete(self, document: Document) -> None:
        """Delete an object, and in the background what it owns. It may be gone, or made anew by somebody else.

        A child that was not observed, and so has no UID, is looked up: it goes where it has the same controller.
        """
        uid = document["metadata"].get("uid") or await self._uid_of(document)
        if uid is None:
            return
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid},
        }
        try:
            await self._api.request("delete", path_of(document), options)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)

    async def post_event(self, parent: Document, kind: EventType, reason: str, message: str) -> None:
        """Tell people through an event. Never raises; repetitions within 5 minutes are counted."""
        await self._recorder.post(parent, kind, reason, message)

    async def _adopt(self, document: Document) -> None:
        existing = await self._api.request("get", path_of(document))
        claim(existing, document)
        if is_outdated(document, existing):
            await self.delete(existing)
            await self._api.request("create", _collection_of(document), document)

    async def _uid_of(self, child: Document) -> str | None:
        existing = await self._find(path_of(child))
        return existing["metadata"]["uid"] if existing and controller_of(existing) == controller_of(child) else None

    async def _find(self, path: str) -> Document | None:
        try:
            return await self._api.request("get", path)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return None


def _collection_of(document: Document) -> str:
    return collection_path(document["kind"], document["metadata"]["namespace"])


def _exists_already(error: ApiError) -> bool:
    return error.status == HTTPStatus.CONFLICT and error.reason == "AlreadyExists"


def _unless(error: ApiError, *expected: HTTPStatus) -> None:
    if error.status not in expected:
        raise error
