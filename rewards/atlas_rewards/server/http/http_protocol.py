"""
uvicorn's HTTP protocol with limits on whatever comes before an answer: how long and how large it may be.

What a client may take its time with, and what ends when it takes longer: a head, a body (of requests that nobody reads,
too; `body` has limits of its own), the silence between two requests. Bytes that begin no request end no silence.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from atlas_rewards.server.http.connections import Connections

HEAD_BYTES = 65_536
PIPELINED = 64
"""Requests that may wait for the answer to another one of the same connection."""

CROWDED = "crowded"
"""Name, in the state of a request, of whether it came where there is no more room."""

_OF_SCORING = "/v1/"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a client may take."""

    head: float = 30.0
    body: float = 60.0
    """Longer than `body` waits: who reads one says so to the client."""

    silence: float = 75.0
    """Longer than clients and proxies usually keep a connection open."""


class BoundedHttp(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *, clients: Connections, patience: Patience = Patience(), **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._clients = clients
        self._patience = patience
        self._timer: asyncio.TimerHandle | None = None
        self._in_message = False
        self._steps = 0
        """How often a request began, its head or a part of its body was there, or it ended."""

        self._without_step = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there; its first request is awaited."""
        super().connection_made(transport)
        self._await(self._patience.head)
        self._clients.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._await(None)
        self._clients.closed(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """End the connection, whatever is still to be sent."""
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """A part of a request."""
        steps = self._steps
        super().data_received(data)
        # What brings no request further is kept by the parser: a head, or what stands between and behind chunks.
        self._without_step = self._without_step + len(data) if self._steps == steps else 0
        if self._without_step > HEAD_BYTES:
            self.cut()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["state"][CROWDED] = self._clients.crowded
        if self._steps:  # the first head is awaited since the client is there
            self._await(self._patience.head)
        self._in_message = True
        self._steps += 1

    def on_headers_complete(self) -> None:
        """The head of a request is there. Raises ValueError, which becomes a 400, where too many requests wait."""
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests wait for an answer")
        waits = self._answering
        super().on_headers_complete()
        self._steps += 1
        self._clients.silent(self)
        self._await(None if waits else self._patience.body)

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        super().on_body(body)
        self._steps += 1

    def on_message_complete(self) -> None:
        """A request is there as a whole."""
        super().on_message_complete()
        self._in_message = False
        self._steps += 1
        self._await(None if self._answering else self._patience.silence)
        if self._answering and self.scope["path"].startswith(_OF_SCORING):
            self._clients.works(self)

    def on_response_complete(self) -> None:
        """A request is answered."""
        super().on_response_complete()
        if not self._answering:
            self._clients.silent(self)
            self._await(self._patience.silence)
        if self._in_message and not self.pipeline:
            self._await(self._patience.body)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await(self, seconds: float | None) -> None:
        """Cut the connection in *seconds*, unless something else is awaited by then. None: nothing is awaited."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self.cut)
