"""Probes and metrics of the operator over HTTP: /healthz, /readyz, /metrics.

It judges nothing: the caller says what is wrong.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Problem = Callable[[], str]
"""One sentence about what is wrong; empty when nothing is."""


@asynccontextmanager
async def serving(port: int, *, live: Problem, ready: Problem, registry: CollectorRegistry) -> AsyncIterator[int]:
    """Answer on *port* of all addresses while the context lasts; 0 takes a free port. The port.

    *live*: what only a new process mends; *ready*: why this one does not work now. Raises `OSError`: the port is taken.
    """
    runner = web.AppRunner(_application(live, ready, registry), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        # A free port is another one for IPv6 (whose addresses have four parts) than for IPv4.
        yield min(runner.addresses, key=len)[1]
    finally:
        await runner.cleanup()


def _application(live: Problem, ready: Problem, registry: CollectorRegistry) -> web.Application:
    async def healthz(_: web.Request) -> web.Response:
        return _answer(live())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    application = web.Application()
    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", metrics)):
        application.router.add_get(path, handler)
    return application


def _answer(problem: str) -> web.Response:
    return web.Response(status=503 if problem else 200, text=f"{problem or 'ok'}\n")
