"""A fake API server that keeps objects in memory, for tests of reconciliations: real HTTP, no kubectl, no admission."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from support.kubernetes.scripted_answers import listening, refusal

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.kinds import KINDS, path_of

_PLURALS = {plural for _, plural in KINDS.values()}


class ObjectServer:
    """What is kept, by path, and what was done to it."""

    def __init__(self, objects: Iterable[Document]) -> None:
        self.configuration = Configuration()
        self.writes: list[tuple[str, str]] = []
        """Method and path of every request that changed something, in order."""

        self.reads: list[str] = []
        """Path of every object that was looked up."""

        self.stale_writes = 0
        """How many of the next writes of a status are refused, as after a change that the operator did not see."""

        self.refusals: dict[str, tuple[int, str]] = {}
        """Code and message with which the creation of an object of a kind is refused."""

        self.objects: dict[str, Document] = {}
        self._numbers = count(1)
        for document in objects:
            self.keep(document)

    def keep(self, document: Document) -> Document:
        """Store *document*, in place of what has its name."""
        number = str(next(self._numbers))
        made = {"uid": f"uid-{number}", "creationTimestamp": "2026-11-01T10:00:00Z"}
        metadata = {**made, **document["metadata"], "resourceVersion": number}
        self.objects[path_of(document)] = {**document, "metadata": metadata}
        return self.objects[path_of(document)]

    def named(self, name: str) -> list[str]:
        """Kinds of the objects of a name."""
        return sorted(found["kind"] for found in self.objects.values() if found["metadata"]["name"] == name)

    def events(self) -> list[str]:
        """Messages of all events, in order."""
        return [found["message"] for found in self.objects.values() if found["kind"] == "Event"]

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Like an API server."""
        body = await request.json() if request.can_read_body else {}
        path = request.path
        match request.method:
            case "GET" if path.rsplit("/", 1)[-1] in _PLURALS:
                return web.json_response({"metadata": {}, "items": self._listed(path, request)})
            case "GET":
                self.reads.append(path)
                return web.json_response(self.objects[path]) if path in self.objects else _refused(404, "NotFound")
            case "POST":
                return self._create(body)
            case "DELETE":
                return self._delete(path, body)
            case _ if path.endswith("/status"):
                return self._write_status(path.removesuffix("/status"), body)
            case _:
                return web.json_response(self.keep({**self.objects[path], **body}))

    def _listed(self, path: str, request: web.BaseRequest) -> list[Document]:
        label, _, value = request.query.get("labelSelector", "").partition("=")
        found = [document for kept, document in self.objects.items() if kept.rpartition("/")[0] == path]
        return [one for one in found if not label or one["metadata"].get("labels", {}).get(label) == value]

    def _create(self, body: Document) -> web.Response:
        if body["kind"] in self.refusals:
            return _refused(self.refusals[body["kind"]][0], "", self.refusals[body["kind"]][1])
        if path_of(body) in self.objects:
            return _refused(409, "AlreadyExists")
        self.writes.append(("POST", path_of(body)))
        return web.json_response(self.keep(body))

    def _delete(self, path: str, options: Document) -> web.Response:
        if path not in self.objects:
            return _refused(404, "NotFound")
        uid = self.objects[path]["metadata"]["uid"]
        if options.get("preconditions", {}).get("uid", uid) != uid:
            return _refused(409, "Conflict")
        self.writes.append(("DELETE", path))
        return web.json_response(self.objects.pop(path))

    def _write_status(self, path: str, body: Document) -> web.Response:
        found = self.objects[path]
        seen: Any = body["metadata"]["resourceVersion"]
        if self.stale_writes or seen != found["metadata"]["resourceVersion"]:
            self.stale_writes = max(0, self.stale_writes - 1)
            return _refused(409, "Conflict")
        self.writes.append(("PATCH", path))
        return web.json_response(self.keep({**found, "status": body["status"]}))


def _refused(status: int, reason: str, message: str = "no") -> web.Response:
    return web.json_response(refusal(status, reason, message).body, status=status)


@asynccontextmanager
async def object_server(*objects: Document) -> AsyncIterator[ObjectServer]:
    """A server on a free port that keeps *objects*."""
    server = ObjectServer(objects)
    async with listening(server.answer) as server.configuration.host:
        yield server
