"""Watches that are kept going: every change of an object of ours, or of a child of one, reaches the operator's loop.

Which kinds the API server knows is asked every 30 s, since some may be installed later: when that changes, or when kopf
gives up, as it does after an error event or a 404 of a kind that is being deleted, the watches start anew. Watches that
do not end are left behind.
"""

import asyncio
import logging
from collections.abc import Sequence

from atlas_api.text import one_line
from atlas_operator.cluster.client import ClusterClient
from atlas_operator.cluster.kinds import collection_path
from atlas_operator.cluster.rest import connection
from atlas_operator.cluster.rest.api import ApiError, Unreachable
from atlas_operator.controller.controller import Controller
from atlas_operator.controller.kopf_source import Sink, Watching
from atlas_operator.controller.watch_health import WatchHealth

_ASKED_EVERY = 30.0
_PAUSE = 5.0
_LEFT_BEHIND = 8.0
"""Seconds that watches have to end."""

_SHOWN = 300

_log = logging.getLogger(__name__)


class Watches:
    """The watches of one operator. *sink* is called on the event loop that `run` runs on."""

    def __init__(
        self,
        client: ClusterClient,
        controllers: Sequence[Controller],
        namespaces: tuple[str, ...],
        sink: Sink,
        health: WatchHealth,
    ) -> None:
        self._client = client
        self._controllers = controllers
        self._namespaces = namespaces
        self._sink = sink
        self._health = health
        self._said = ""
        self.served: tuple[Controller, ...] = ()
        """Controllers whose kinds the API server knew last."""

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                kinds = await self._kinds()
            except (ApiError, Unreachable) as error:
                self._tell(str(error))
            else:
                await self._serve(kinds)
            await asyncio.sleep(_PAUSE)

    async def _serve(self, kinds: tuple[str, ...]) -> None:
        self.served = tuple(controller for controller in self._controllers if controller.kind in kinds)
        if not self.served:
            missing = " and no ".join(controller.kind for controller in self._controllers)
            self._tell(f"the API server knows no {missing}; apply crds/*.yaml")
            return
        watching = await self._begin(kinds)
        ended = asyncio.wrap_future(watching.ended)
        try:
            while not ended.done() and await self._unchanged(kinds):
                await asyncio.wait({ended}, timeout=_ASKED_EVERY)
        finally:
            watching.stop()
            await asyncio.wait({ended}, timeout=_LEFT_BEHIND)
        if not ended.done():
            _log.warning("the watches did not end within %.0f s and are left behind", _LEFT_BEHIND)
        elif (error := ended.result()) is not None:
            _log.warning("the watches ended and start again: %s", one_line(f"{type(error).__name__}: {error}", _SHOWN))
        self._health.interrupt("the watches start again")

    def _tell(self, why: str) -> None:
        """Say why nothing is watched, in the log once for each reason."""
        self._health.interrupt(why)
        if why != self._said:
            _log.warning("nothing is watched: %s", why)
        self._said = why

    async def _begin(self, kinds: tuple[str, ...]) -> Watching:
        loop = asyncio.get_running_loop()
        sink = Sink(
            changed=lambda key, document: loop.call_soon_threadsafe(self._sink.changed, key, document),
            gone=lambda key: loop.call_soon_threadsafe(self._sink.gone, key),
        )
        configuration = await connection.find()
        self._health.begin(collection_path(kind, where) for kind in kinds for where in self._namespaces or (None,))
        _log.info("watching %s", ", ".join(kinds))
        self._said = ""
        return Watching(configuration, kinds, self._namespaces, sink, self._health)

    async def _unchanged(self, kinds: tuple[str, ...]) -> bool:
        try:
            return await self._kinds() == kinds
        except (ApiError, Unreachable) as error:
            _log.warning("cannot tell which kinds the API server serves: %s", error)
            return True

    async def _kinds(self) -> tuple[str, ...]:
        """Kinds that are to be watched: those that the API server knows, each once."""
        asked: list[str] = [controller.kind for controller in self._controllers]
        asked += [kind for controller in self._controllers for kind in controller.installed_children]
        answers = zip(asked, await asyncio.gather(*map(self._client.serves, asked)), strict=True)
        served = [kind for kind, is_served in answers if is_served]
        built_in = [kind for each in self._controllers if each.kind in served for kind in each.children]
        return tuple(dict.fromkeys([*served, *built_in]))
