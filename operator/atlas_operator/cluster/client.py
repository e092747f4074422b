"""What the operator reads from the API server and writes to it, in terms of trainings and reward services.

`reconcile` and `rewards_reconcile` call it. It decides nothing: what is made, said and removed comes from their plans.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from atlas_operator.cluster.api import Api, ApiError
from atlas_operator.cluster.events import EventRecorder
from atlas_operator.cluster.kinds import KINDS, collection_path, object_path, path_of, version_path
from atlas_operator.cluster.listing import events_about, objects
from atlas_operator.cluster.observed import Document, Key, Kind, Observed, ObservedRewards
from atlas_operator.cluster.ownership import claim, controller_of
from atlas_operator.controller.metrics import Metrics
from atlas_operator.objects import labels
from atlas_operator.pending.attempt import PODS_ASKED_ABOUT, unexplained
from atlas_operator.rewardservice.rollout import is_ready
from atlas_operator.rewardservice.served import names_service
from atlas_operator.status.plan_types import EventType

_SELECTORS: dict[Kind, Callable[[str], str]] = {
    "AtlasTraining": labels.selector,
    "RewardService": labels.rewards_selector,
}


class Stale(Exception):
    """The object is not as it was looked at: somebody changed it, deleted it, or made it anew. Look again."""


class Cluster:
    """Everything of ours that the operator may see. Errors of `Api.request` pass through."""

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

    async def keys(self, namespace: str | None, kind: Kind = "AtlasTraining") -> list[Key]:
        """All objects of *kind* in a namespace; None: in all namespaces."""
        items = await objects(self._api, kind, namespace)
        return [Key(item["metadata"]["namespace"], item["metadata"]["name"], kind) for item in items]

    async def get(self, key: Key) -> Document | None:
        """The object as it is now; None: there is none."""
        return await self._find(object_path(key.kind, key.namespace, key.name))

    async def observe(self, key: Key) -> Observed | None:
        """The training with all its children, and events while it waits for a job to run; None: there is none."""
        training = await self.get(key)
        if training is None:
            return None
        jobs, pods, config_maps = await asyncio.gather(
            self._jobs(key), self._children("Pod", key), self._children("ConfigMap", key)
        )
        events = await events_about(self._api, key.namespace, unexplained(jobs or [], pods))
        named = names_service(training, config_maps)
        return Observed(
            training=training,
            jobs=tuple(jobs or ()),
            pods=tuple(pods),
            config_maps=tuple(config_maps),
            events=tuple(events),
            backend_served=jobs is not None,
            reward_services=tuple(await self._reward_services(key.namespace)) if named else (),
        )

    async def observe_rewards(self, key: Key) -> ObservedRewards | None:
        """The RewardService with all its children, and events about pods that are not ready; None: there is none."""
        service = await self.get(key)
        if service is None:
            return None
        kinds = ("Deployment", "Service", "PodDisruptionBudget", "Pod", "ConfigMap")
        deployments, services, budgets, pods, config_maps = await asyncio.gather(
            *(self._children(kind, key) for kind in kinds)
        )
        waiting = [pod["metadata"]["uid"] for pod in pods if not is_ready(pod)]
        return ObservedRewards(
            service=service,
            deployments=tuple(deployments),
            services=tuple(services),
            budgets=tuple(budgets),
            pods=tuple(pods),
            config_maps=tuple(config_maps),
            events=tuple(await events_about(self._api, key.namespace, waiting[:PODS_ASKED_ABOUT])),
        )

    async def create(self, document: Document) -> None:
        """Make a child; when it exists already as its owner's, nothing happens.

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

    async def apply(self, document: Document) -> None:
        """Make a child, or change it to be like *document*: fields that other people set stay theirs.

        Raises `NameTaken`: an object of this name belongs to something else.
        Raises `Terminating`: the child of this name, or one of an earlier owner of the same name, is being deleted.
        """
        found = await self._find(path_of(document))
        if found is not None:
            claim(found, document)
        query = {"fieldManager": labels.FIELD_MANAGER, "force": "true"}
        await self._api.request("apply", path_of(document), document, query)

    async def merge(self, document: Document) -> None:
        """Merge *document* into the object of its name; null removes a field. It may be gone."""
        try:
            await self._api.request("patch", path_of(document), document)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)

    async def apply_status(self, training: Document, status: Document) -> Document:
        """Write the whole status of a training or reward service, unless it has it already. The object as it is then.

        Raises `Stale`: the object was changed, deleted, or made anew.
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

    async def post_event(self, training: Document, kind: EventType, reason: str, message: str) -> None:
        """Tell people through an event. Never raises; repetitions within 5 minutes are counted."""
        await self._recorder.post(training, kind, reason, message)

    async def _adopt(self, document: Document) -> None:
        claim(await self._api.request("get", path_of(document)), document)

    async def _uid_of(self, child: Document) -> str | None:
        found = await self._find(path_of(child))
        return found["metadata"]["uid"] if found and controller_of(found) == controller_of(child) else None

    async def _find(self, path: str) -> Document | None:
        try:
            return await self._api.request("get", path)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return None

    async def _jobs(self, key: Key) -> list[Document] | None:
        try:
            return await self._children("PyTorchJob", key)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return None

    async def _reward_services(self, namespace: str) -> list[Document]:
        try:
            return await objects(self._api, "RewardService", namespace)
        except ApiError as error:
            _unless(error, HTTPStatus.NOT_FOUND)
            return []

    async def _children(self, kind: str, key: Key) -> list[Document]:
        return await objects(self._api, kind, key.namespace, {"labelSelector": _SELECTORS[key.kind](key.name)})


def _unless(error: ApiError, *expected: HTTPStatus) -> None:
    if error.status not in expected:
        raise error
