"""What the operator reads from the API server and writes to it, in terms of trainings.

`reconcile` calls it. It decides nothing: what is made, said and removed comes from `plan`.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from atlas_operator import labels
from atlas_operator.api import Api, ApiError
from atlas_operator.events import EventRecorder, EventType
from atlas_operator.kinds import KINDS, collection_path, object_path, path_of, version_path
from atlas_operator.metrics import Metrics
from atlas_operator.observed import Document, Key, Observed

_PAGE = 500
_EVENTS = 100
_PODS_WITH_EVENTS = 8


class NameTaken(Exception):
    """An object that is not this training's has the name of a child."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name} exists and belongs to something else; delete or rename it")
        self.kind = kind
        self.name = name


class Terminating(Exception):
    """A child of this name is still being deleted; it can be made again once it is gone."""


class Stale(Exception):
    """The training is not as it was looked at: somebody changed it, deleted it, or made it anew. Look again."""


class Cluster:
    """All trainings that the operator may see, and their children. Errors of `Api.request` pass through."""

    def __init__(self, api: Api, metrics: Metrics | None = None) -> None:
        self._api = api
        self._metrics = metrics or Metrics()
        self._recorder = EventRecorder(api)

    async def serves(self, kind: str) -> bool:
        """Whether the API server knows the kind."""
        try:
            found = await self._api.request("get", version_path(kind))
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return False
        return any(resource["name"] == KINDS[kind][1] for resource in found["resources"])

    async def keys(self, namespace: str | None) -> list[Key]:
        """All trainings of a namespace; None: of all namespaces."""
        items = await self._list("AtlasTraining", namespace)
        return [Key(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items]

    async def get_training(self, key: Key) -> Document | None:
        """The AtlasTraining as it is now; None: there is none."""
        try:
            return await self._api.request("get", object_path("AtlasTraining", key.namespace, key.name))
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return None

    async def observe(self, key: Key) -> Observed | None:
        """The training with all its children, and events while it waits for a job to run; None: there is none."""
        training = await self.get_training(key)
        if training is None:
            return None
        jobs, pods, config_maps = await asyncio.gather(
            self._jobs(key), self._children("Pod", key), self._children("ConfigMap", key)
        )
        events = await self._events(key.namespace, jobs or [], pods)
        return Observed(
            training=training,
            jobs=tuple(jobs or ()),
            pods=tuple(pods),
            config_maps=tuple(config_maps),
            events=tuple(events),
            backend_served=jobs is not None,
        )

    async def create(self, document: Document) -> None:
        """Make a child; when it exists already as this training's, nothing happens.

        Raises `NameTaken`: an object of this name belongs to something else.
        Raises `Terminating`: the child of this name is being deleted.
        """
        namespace = document["metadata"]["namespace"]
        try:
            await self._api.request("create", collection_path(document["kind"], namespace), document)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT or error.reason != "AlreadyExists":
                raise
            await self._adopt(document)
        else:
            self._metrics.created(document)

    async def apply_status(self, training: Document, status: Document) -> Document:
        """Write the whole status, unless it is what the training has. The training as it is then.

        Raises `Stale`: the training was changed, deleted, or made anew.
        """
        before = training.get("status") or {}
        if before == status:
            return training
        metadata = training["metadata"]
        body = {
            "apiVersion": training["apiVersion"],
            "kind": training["kind"],
            # The version, since the API server does not look at the UID here.
            "metadata": {name: metadata[name] for name in ("name", "namespace", "resourceVersion")},
            "status": status,
        }
        query = {"fieldManager": labels.FIELD_MANAGER, "force": "true"}
        try:
            after = await self._api.request("apply", f"{path_of(training)}/status", body, query)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
            raise Stale(str(error)) from error
        self._metrics.status_changed(before, status)
        return after

    async def delete(self, document: Document) -> None:
        """Delete an object, of this very UID if it says one, and in the background what it owns. It may be gone."""
        options: Document = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if "uid" in document["metadata"]:  # children that are not observed are known by name only
            options["preconditions"] = {"uid": document["metadata"]["uid"]}
        try:
            await self._api.request("delete", path_of(document), options)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)

    async def post_event(self, training: Document, kind: EventType, reason: str, message: str) -> None:
        """Tell people through an event. Never raises; repetitions within 5 minutes are counted."""
        await self._recorder.post(training, kind, reason, message)

    async def _adopt(self, document: Document) -> None:
        found = await self._api.request("get", path_of(document))
        if _controller(found) != _controller(document):
            raise NameTaken(document["kind"], document["metadata"]["name"])
        if "deletionTimestamp" in found["metadata"]:
            raise Terminating(f"{document['kind']} {document['metadata']['name']} is still being deleted")

    async def _jobs(self, key: Key) -> list[Document] | None:
        try:
            return await self._children("PyTorchJob", key)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return None

    async def _children(self, kind: str, key: Key) -> list[Document]:
        return await self._list(kind, key.namespace, {"labelSelector": labels.selector(key.name)})

    async def _events(self, namespace: str, jobs: list[Document], pods: list[Document]) -> list[Document]:
        found = await asyncio.gather(*(self._events_about(uid, namespace) for uid in unexplained(jobs, pods)))
        return sorted((event for some in found for event in some), key=_seen_at)[-_EVENTS:]

    async def _events_about(self, uid: str, namespace: str) -> list[Document]:
        query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": str(_EVENTS)}
        answer = await self._api.request("list", collection_path("Event", namespace), query=query)
        return list(answer["items"])

    async def _list(self, kind: str, namespace: str | None, query: Mapping[str, str] | None = None) -> list[Document]:
        try:
            return await self._pages(kind, namespace, {**(query or {}), "limit": str(_PAGE)})
        except ApiError as error:
            # A list that took longer than the server keeps its pages: once more, in one piece.
            _unless(error, HTTPStatus.GONE)
            return await self._pages(kind, namespace, dict(query or {}))

    async def _pages(self, kind: str, namespace: str | None, query: dict[str, str]) -> list[Document]:
        items: list[Document] = []
        while True:
            page = await self._api.request("list", collection_path(kind, namespace), query=query)
            # Lists of built-in kinds leave out what the list itself says.
            items += [{**item, "apiVersion": KINDS[kind][0], "kind": kind} for item in page["items"]]
            if not page["metadata"].get("continue"):
                return items
            query["continue"] = page["metadata"]["continue"]


def unexplained(jobs: list[Document], pods: list[Document]) -> list[str]:
    """UIDs of the newest job and its pods, whose events say why nothing runs; none while it runs or when it is done."""
    if not jobs:
        return []
    newest = max(jobs, key=_age_and_attempt)
    conditions = newest.get("status", {}).get("conditions") or []
    if any(each["type"] in ("Running", "Succeeded") and each["status"] == "True" for each in conditions):
        return []
    uid = newest["metadata"]["uid"]
    own = [pod for pod in pods if _controller(pod) == uid and pod.get("status", {}).get("phase") != "Running"]
    return [uid, *(pod["metadata"]["uid"] for pod in own[:_PODS_WITH_EVENTS])]


def _age_and_attempt(job: Document) -> tuple[str, int]:
    metadata = job["metadata"]
    return metadata["creationTimestamp"], int(metadata["labels"].get(labels.ATTEMPT, 0))


def _controller(document: Document) -> str | None:
    owners: list[dict[str, Any]] = document["metadata"].get("ownerReferences") or []
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def _seen_at(event: Document) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])


def _unless(error: ApiError, *expected: HTTPStatus) -> None:
    if error.status not in expected:
        raise error
