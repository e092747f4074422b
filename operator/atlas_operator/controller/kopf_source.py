"""Source of changes: kopf lists and watches; all its other features are off. It writes nothing.

kopf works in a thread and an event loop of its own. One answer that it does not expect (400, 404, an error event) ends
a watch of it for good, and then it stops half way, for ever. So its tasks are spawned and ended here: when the first of
them ends, so does all of it, and what does not end within seconds is dropped with its loop. It does not know what a
change leads to.
"""

import asyncio
import itertools
import random
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf
from kubernetes.aio.client.configuration import Configuration

from atlas_operator.cluster import labels
from atlas_operator.cluster.document import Document, Key, Kind
from atlas_operator.cluster.kinds import KINDS
from atlas_operator.cluster.rest import connection
from atlas_operator.controller.watch_health import REOPENED, WatchHealth

_OK = range(200, 300)
_END_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sink:
    """Receivers of changes, called in the thread of the watches."""

    changed: Callable[[Key, Document | None], object]
    """Receiver of changes of an object or of a child of one; with its document where it is the object itself."""

    gone: Callable[[Key], object]
    """Receiver of deletions of objects."""


class Watching:
    """Watches of *kinds* in *namespaces* (none: everywhere), from now on until `stop` or an error."""

    def __init__(
        self,
        configuration: Configuration,
        kinds: Collection[str],
        namespaces: Collection[str],
        sink: Sink,
        health: WatchHealth,
    ) -> None:
        self._configuration = configuration
        self._kinds = kinds
        self._namespaces = namespaces
        self._sink = sink
        self._health = health
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._stopped = False
        self._sessions: list[aiohttp.ClientSession] = []
        self.ended: Future[BaseException | None] = Future()
        """Done when the thread is, with the error that ended it."""

        self.ended.set_running_or_notify_cancel()
        threading.Thread(target=self._run, name="watches", daemon=True).start()

    def stop(self) -> None:
        """Ask for the end, from any thread. Receivers and health hear nothing any more, whatever still comes."""
        self._stopped = True
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._stop.set)

    def _run(self) -> None:
        try:
            error = self._loop.run_until_complete(self._watch())
        except BaseException as raised:
            error = raised
        # What has not ended is dropped with its loop, without a word about each of it.
        self._loop.set_exception_handler(lambda *_: None)
        self._loop.close()
        self.ended.set_result(error)

    async def _watch(self) -> BaseException | None:
        """Watch until `stop`, or the first error; that error."""
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=_settings(self._kinds),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            standalone=True,
            stop_flag=self._stop,
        )
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=_END_SECONDS)
        for session in self._sessions:
            await session.close()
        return next((error for task in done if not task.cancelled() and (error := task.exception())), None)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            await connection.renew(self._configuration)
            session = connection.session(self._configuration, [self._trace()])
            self._sessions.append(session)
            return kopf.AiohttpSession(server=self._configuration.host, aiohttp_session=session)

        for kind in self._kinds:
            handler = self._parent_handler(kind) if kind in labels.PARENTS else self._child
            kopf.on.event(*KINDS[kind], registry=registry)(handler)
        return registry

    def _parent_handler(self, kind: Kind) -> Callable[..., Coroutine[None, None, None]]:
        async def parent(type: str | None, name: str, namespace: str | None, body: kopf.Body, **_: Any) -> None:
            key = Key(namespace or "", name, kind)
            if self._stopped:
                return
            if type == "DELETED":
                self._sink.gone(key)
            else:
                self._sink.changed(key, dict(body))

        return parent

    async def _child(self, namespace: str | None, annotations: kopf.Annotations, **_: Any) -> None:
        for parent, annotation in labels.PARENTS.items():
            if (name := annotations.get(annotation)) is not None and not self._stopped:
                self._sink.changed(Key(namespace or "", name, parent), None)

    def _trace(self) -> aiohttp.TraceConfig:
        trace = aiohttp.TraceConfig()

        async def answered(_: Any, __: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
            if self._stopped:
                return
            if request.response.status not in _OK:
                self._health.failed(request.url.path, f"{request.response.status} {request.response.reason}")
            elif "watch" in request.url.query:
                self._health.opened(request.url.path)

        async def failed(_: Any, __: SimpleNamespace, request: aiohttp.TraceRequestExceptionParams) -> None:
            if not self._stopped and not isinstance(request.exception, asyncio.CancelledError):
                self._health.failed(request.url.path, str(request.exception) or type(request.exception).__name__)

        trace.on_request_end.append(answered)
        trace.on_request_exception.append(failed)
        return trace


def _settings(kinds: Collection[str]) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    # The caller asks which kinds there are; watching the cluster's CRDs and namespaces would need further rights.
    settings.scanning.disabled = True
    settings.watching.server_timeout = REOPENED
    settings.watching.client_timeout = REOPENED + 30
    settings.watching.connect_timeout = 10
    settings.watching.chunk_size = 500
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = _Backoffs()
    settings.networking.enforce_retry_after = True
    settings.queueing.exit_timeout = 2
    settings.process.ultimate_exiting_timeout = None
    settings.execution.max_workers = 2
    settings.persistence.finalizer = f"{labels.GROUP}/unused"
    for kind in kinds:
        if kind not in labels.PARENTS:
            settings.watching.label_selectors[KINDS[kind]] = labels.MANAGED
    return settings


class _Backoffs:
    """Delays between tries, without end: each iteration starts again at about a second."""

    def __iter__(self) -> Iterator[float]:
        growing = itertools.chain((1, 2, 4, 8), itertools.repeat(15))
        return (seconds * random.uniform(0.75, 1.25) for seconds in growing)  # noqa: S311 - spreads load
