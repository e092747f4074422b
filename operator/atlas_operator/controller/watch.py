"""Keeps the watches going: every change of an object of ours, or of what belongs to it, reaches the operator's loop.

`operation` runs it. Which kinds the API server knows is asked every 30 s, since PyTorchJobs may come later: when that
changes, or when kopf gives up, the watches start anew.
"""

import asyncio
import itertools
import logging
import threading
from typing import get_args

from atlas_operator.cluster import connection
from atlas_operator.cluster.api import ApiError, Unreachable
from atlas_operator.cluster.client import Cluster
from atlas_operator.cluster.kinds import collection_path
from atlas_operator.cluster.observed import Kind
from atlas_operator.controller.kopf_source import Sink, watch
from atlas_operator.controller.watch_health import Pulse

_BUILT_IN = ("Pod", "ConfigMap")
_BUILT_IN_OF_SERVICES = ("Deployment", "Service")
_INSTALLED = ("AtlasTraining", "RewardService", "PyTorchJob")

_ASKED_EVERY = 30.0
_PAUSE = 5.0

_log = logging.getLogger(__name__)


class Watches:
    """The watches of one operator. *sink* is called on the event loop that `run` runs on."""

    def __init__(self, cluster: Cluster, namespaces: tuple[str, ...], sink: Sink, pulse: Pulse) -> None:
        self._cluster = cluster
        self._namespaces = namespaces
        self._sink = sink
        self._pulse = pulse
        self.parents: tuple[Kind, ...] = ()
        """The kinds of ours that the API server knew last."""

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                kinds = await self._served()
            except (ApiError, Unreachable) as error:
                self._pulse.interrupt(str(error))
            else:
                await self._serve(kinds)
            await asyncio.sleep(_PAUSE)

    async def _serve(self, kinds: tuple[str, ...]) -> None:
        self.parents = tuple(kind for kind in get_args(Kind) if kind in kinds)
        if not self.parents:
            self._pulse.interrupt("the API server knows no AtlasTraining and no RewardService; apply crds/*.yaml")
            return
        stop = threading.Event()
        thread = asyncio.create_task(self._start(kinds, stop))
        try:
            while not thread.done() and await self._unchanged(kinds):
                await asyncio.wait({thread}, timeout=_ASKED_EVERY)
        finally:
            stop.set()
            await asyncio.wait({thread})
        if (error := thread.exception()) is not None:
            _log.error("the watches ended and start again", exc_info=error)
        self._pulse.interrupt("the watches start again")

    async def _start(self, kinds: tuple[str, ...], stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        sink = Sink(
            changed=lambda key, document: loop.call_soon_threadsafe(self._sink.changed, key, document),
            gone=lambda key: loop.call_soon_threadsafe(self._sink.gone, key),
        )
        configuration = await connection.find()
        self._pulse.begin(collection_path(kind, where) for kind in kinds for where in self._namespaces or (None,))
        _log.info("watching %s", ", ".join(kinds))
        await asyncio.to_thread(watch, configuration, kinds, self._namespaces, sink, self._pulse, stop=stop)

    async def _unchanged(self, kinds: tuple[str, ...]) -> bool:
        try:
            return await self._served() == kinds
        except (ApiError, Unreachable) as error:
            _log.warning("cannot tell which kinds the API server serves: %s", error)
            return True

    async def _served(self) -> tuple[str, ...]:
        served = await asyncio.gather(*map(self._cluster.serves, _INSTALLED))
        installed = tuple(itertools.compress(_INSTALLED, served))
        return (*installed, *_BUILT_IN, *(_BUILT_IN_OF_SERVICES if "RewardService" in installed else ()))
