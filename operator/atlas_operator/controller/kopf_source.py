"""Source of changes: kopf lists and watches; all its other features are off. It writes nothing.

`watch` runs in a thread: at its end kopf cancels every task of its event loop, so it gets one of its own. It does not
know what a change leads to.
"""

import asyncio
import itertools
import random
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp
import kopf
from kubernetes.aio.client.configuration import Configuration

from atlas_operator.cluster import connection, labels
from atlas_operator.cluster.document import Document, Key, Kind
from atlas_operator.cluster.kinds import KINDS
from atlas_operator.controller.watch_health import REOPENED, WatchHealth

_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Sink:
    """Receivers of changes, called in the thread of the watches."""

    changed: Callable[[Key, Document | None], object]
    """Receiver of changes of an object or of a child of one; with its document where it is the object itself."""

    gone: Callable[[Key], object]
    """Receiver of deletions of objects."""


def watch(
    configuration: Configuration,
    kinds: Collection[str],
    namespaces: Collection[str],
    sink: Sink,
    health: WatchHealth,
    *,
    stop: threading.Event,
) -> None:
    """Watch *kinds* in *namespaces* (none: everywhere) until *stop* is set; *sink* is called in this thread.

    Blocks. Raises what ended it otherwise.
    """
    asyncio.run(
        kopf.operator(
            registry=_registry(configuration, kinds, sink, health),
            settings=_settings(kinds),
            clusterwide=not namespaces,
            namespaces=namespaces,
            standalone=True,
            stop_flag=stop,
        )
    )


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


def _registry(
    configuration: Configuration, kinds: Collection[str], sink: Sink, health: WatchHealth
) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.AiohttpSession:
        await connection.renew(configuration)
        session = connection.session(configuration, [_trace(health)])
        return kopf.AiohttpSession(server=configuration.host, aiohttp_session=session)

    async def child(namespace: str | None, annotations: kopf.Annotations, **_: Any) -> None:
        for parent, annotation in labels.PARENTS.items():
            if (name := annotations.get(annotation)) is not None:
                sink.changed(Key(namespace or "", name, parent), None)

    for parent in labels.PARENTS:
        if parent in kinds:
            kopf.on.event(*KINDS[parent], registry=registry)(_parent_handler(parent, sink))
    for kind in kinds:
        if kind not in labels.PARENTS:
            kopf.on.event(*KINDS[kind], registry=registry)(child)
    return registry


def _parent_handler(kind: Kind, sink: Sink) -> Callable[..., Coroutine[None, None, None]]:
    async def parent(type: str | None, name: str, namespace: str | None, body: kopf.Body, **_: Any) -> None:
        key = Key(namespace or "", name, kind)
        if type == "DELETED":
            sink.gone(key)
        else:
            sink.changed(key, dict(body))

    return parent


def _trace(health: WatchHealth) -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def answered(_: Any, __: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
        if request.response.status not in _OK:
            health.failed(request.url.path, f"{request.response.status} {request.response.reason}")
        elif "watch" in request.url.query:
            health.opened(request.url.path)

    async def failed(_: Any, __: SimpleNamespace, request: aiohttp.TraceRequestExceptionParams) -> None:
        if not isinstance(request.exception, asyncio.CancelledError):
            health.failed(request.url.path, str(request.exception) or type(request.exception).__name__)

    trace.on_request_end.append(answered)
    trace.on_request_exception.append(failed)
    return trace
