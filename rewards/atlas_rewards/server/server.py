"""
Runs the service: connects its parts, serves, and ends in order on SIGTERM or SIGINT.

Graceful shutdown: from the signal on it is not ready, and clients are sent away (`http.draining`). What it took is
finished first.
"""

import asyncio
import gc
import logging
import math
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn

from atlas_api.pods.cluster_report import ClusterReport
from atlas_rewards.server.background import background
from atlas_rewards.server.generation import Generation, Generations
from atlas_rewards.server.http.admission import Admission
from atlas_rewards.server.http.application import Service, application, judges_report
from atlas_rewards.server.http.connections import ACCEPTED, Connections, room_for_clients
from atlas_rewards.server.http.draining import Draining
from atlas_rewards.server.http.http_protocol import BoundedHttp, Patience
from atlas_rewards.server.http.scoring_endpoint import GRACE_SECONDS, ScoringEndpoint
from atlas_rewards.server.metrics import Metrics
from atlas_rewards.server.operator_report import keep_reporting
from atlas_rewards.server.probe import Probe
from atlas_rewards.server.reload import Reload
from atlas_rewards.server.score_source import OpenScoreSource, open_score_source

CONNECTION_DRAIN_SECONDS = 5
"""Seconds that clients which keep their connections have to learn that they should leave, by asking once more."""

CLOSING_SECONDS = 5
BACKLOG = 2048

_log = logging.getLogger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. Raises OSError, OverflowError (no port), TypeError (no name)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio turns Nagle's algorithm off only where it knows that this is TCP. With it on,
    # every answer waits 40 ms for the client's delayed acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except Exception:
        listening.close()
        raise
    return listening


async def serve(
    file: Path, listening: socket.socket, environment: Mapping[str, str], opening: OpenScoreSource = open_score_source
) -> None:
    """Serve the configuration in *file* until a signal. The benchmark of the service brings an *opening* of its own.

    Raises AtlasError when it cannot begin, CancelledError when the signal comes before it has begun, and
    KeyboardInterrupt for a SIGINT while it ends: whoever presses Ctrl-C again does not want to wait.
    """
    stop, starting = asyncio.Event(), asyncio.current_task()
    assert starting is not None  # noqa: S101 - this is one
    _on_signal(starting.cancel)  # nothing was taken yet, and a user's verifier may take minutes to be imported
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service(file, opening))
        _on_signal(stop.set)
        await stack.enter_async_context(_reporting(service.generations, environment))
        # What was imported stays: without this, each full collection looks at all of it, and requests wait.
        gc.collect()
        gc.freeze()
        clients = Connections(lambda: room_for_clients(service.generations.newest.spec.concurrency))
        server = _Server(_settings(service, clients))
        serving = asyncio.create_task(server.serve([listening]))
        _log.info("listening on %s", _address(listening))
        await asyncio.wait({asyncio.create_task(stop.wait()), serving}, return_when=asyncio.FIRST_COMPLETED)
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        await _drain(service, server.server_state.connections)
        server.should_exit = True
        await serving
    _log.info("ended")


def _on_signal(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


@asynccontextmanager
async def open_service(file: Path, opening: OpenScoreSource) -> AsyncIterator[Service]:
    """The parts, ready to answer with the configuration in *file*. Raises AtlasError when it cannot be used."""
    metrics, admission = Metrics(), Admission()

    def closing(generation: Generation) -> None:
        metrics.model_calls(generation.number, generation.source.statistics())
        metrics.forget(generation.number)

    generations = Generations(opening, closing)
    reload, probe = Reload(file, generations, metrics), Probe(generations, opening)
    metrics.waiting(lambda: admission.waiting)
    metrics.ready(lambda: probe.is_ready)
    await reload.begin()
    async with background(reload.run()):
        try:
            yield Service(
                generations, reload, probe, ScoringEndpoint(generations, admission, metrics), metrics, Draining()
            )
        finally:
            await probe.close()
    await generations.close()


@asynccontextmanager
async def _reporting(generations: Generations, environment: Mapping[str, str]) -> AsyncIterator[None]:
    sink = ClusterReport.of(environment)
    if sink is None:
        yield
        return
    async with background(keep_reporting(sink, lambda: judges_report(generations))):
        yield
    await asyncio.to_thread(sink.close, CLOSING_SECONDS)


async def _drain(service: Service, connections: Collection[object]) -> None:
    """Send clients away, then take nothing new, and wait for what was taken, no longer than an item may take."""
    service.draining.begun = True
    _log.info("shutting down; asking the clients of %d connections to leave", len(connections))
    await _wait_while(lambda: bool(connections), CONNECTION_DRAIN_SECONDS)
    service.scoring_endpoint.open = False
    if service.scoring_endpoint.requests:
        _log.info("%d requests are finished first", service.scoring_endpoint.requests)
    await _wait_while(
        lambda: service.scoring_endpoint.requests > 0, service.generations.longest_seconds + GRACE_SECONDS
    )


async def _wait_while(holds: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while holds() and time.monotonic() < until:
        await asyncio.sleep(0.02)


def _settings(service: Service, clients: Connections) -> uvicorn.Config:
    http: Any = partial(BoundedHttp, clients=clients)
    return uvicorn.Config(
        application(service),
        loop="asyncio",
        http=http,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=ACCEPTED,
        timeout_keep_alive=math.ceil(Patience().silence),
        timeout_graceful_shutdown=CLOSING_SECONDS,
    )


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen. What asyncio takes at once is few; what the system lets wait for that is many."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(BACKLOG)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are `serve`'s business: it drains first."""
        yield


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
