"""Leader election: of several replicas the one that holds a Lease works. It stops writing before another one can begin.

A lease lasts 15 s after its last renewal; its holder renews it every 2 s and stops writing 10 s after the last renewal
that the API server confirmed. Only this process's clock is used: how long another holder's lease lasts is counted from
when its last change was seen.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus

from atlas_operator.cluster.document import Document
from atlas_operator.cluster.kinds import collection_path, object_path
from atlas_operator.cluster.rest.api import Api, ApiError, Unreachable

DURATION = 15
"""Seconds for which a lease is respected after its last renewal."""

_WRITING = 10.0
_EVERY = 2.0

_log = logging.getLogger(__name__)


class Leadership:
    """Whether this process, called *identity*, holds the Lease *name* (`NAMESPACE/NAME`)."""

    def __init__(self, api: Api, name: str, identity: str, clock: Callable[[], float]) -> None:
        self._api = api
        self._namespace, self._name = name.split("/")
        self._identity = identity
        self._clock = clock
        self._until = float("-inf")
        self._seen: tuple[str, float] | None = None

    def holds(self) -> bool:
        """Whether this process may write."""
        return self._clock() < self._until

    async def run(self) -> None:
        """Get the lease and keep it, until cancelled."""
        while True:
            held = self.holds()
            try:
                # A request that hangs must not outlast the time in which writing is allowed.
                async with asyncio.timeout(_WRITING / 2):
                    await self.renew()
            except (ApiError, Unreachable, TimeoutError) as error:
                _log.warning("the lease was not renewed: %s", str(error) or type(error).__name__)
            if held != self.holds():
                _log.info("this replica %s", "works now" if self.holds() else "no longer holds the lease")
            await asyncio.sleep(_EVERY)

    async def renew(self) -> None:
        """Take the lease, or prolong it, unless somebody else holds it. One try; errors of `Api.request` pass."""
        asked = self._clock()
        lease = await self._read()
        if lease is not None and not self._is_free(lease, asked):
            return
        try:
            await self._write(lease, holder=self._identity)
        except ApiError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
            return
        self._until = asked + _WRITING

    async def release(self) -> None:
        """Let another replica begin at once. Nothing of this process may be writing any more."""
        if not self.holds():
            return
        self._until = float("-inf")
        with suppress(ApiError, Unreachable):
            await self._write(await self._read() or {}, holder="")

    def _is_free(self, lease: Document, now: float) -> bool:
        holder = lease["spec"].get("holderIdentity")
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen[0] != version:
            self._seen = (version, now)
        return holder in (None, "", self._identity) or now - self._seen[1] > DURATION

    async def _read(self) -> Document | None:
        try:
            return await self._api.request("get", object_path("Lease", self._namespace, self._name))
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _write(self, lease: Document | None, holder: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "leaseDurationSeconds": DURATION, "renewTime": now}
        if lease is None:
            document = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": spec | {"acquireTime": now},
            }
            await self._api.request("create", collection_path("Lease", self._namespace), document)
            return
        # With the version that was read: when two replicas try at once, one of them gets a conflict.
        change = {"metadata": {"resourceVersion": lease["metadata"]["resourceVersion"]}, "spec": spec}
        await self._api.request("patch", object_path("Lease", self._namespace, self._name), change)
