"""A small HTTP server with an API server's manners: it gives its answers in turn, the last one for ever."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kubernetes.aio.client.configuration import Configuration


@dataclass
class Answer:
    """Status, body as JSON or text, headers."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Where it listens, and what it was asked."""

    configuration: Configuration
    requests: list[web.BaseRequest] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)


@asynccontextmanager
async def server_giving(*answers: Answer) -> AsyncIterator[Server]:
    """A server on a free port that gives `answers` in turn."""
    server = Server(Configuration())
    left = list(answers)

    async def answer(request: web.BaseRequest) -> web.Response:
        server.requests.append(request)
        server.bodies.append(await request.json() if request.can_read_body else None)
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given.body, str):
            return web.Response(status=given.status, text=given.body, headers=given.headers)
        return web.json_response(given.body, status=given.status, headers=given.headers)

    async with listening(answer) as server.configuration.host:
        yield server


@asynccontextmanager
async def listening(answer: Callable[[web.BaseRequest], Awaitable[web.Response]]) -> AsyncIterator[str]:
    """The address of a server on a free port that gives what *answer* says."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def refusal(status: int, reason: str, message: str, **details: Any) -> Answer:
    """The Status document that refuses a request."""
    return Answer(status, {"kind": "Status", "reason": reason, "message": message, "details": details})
