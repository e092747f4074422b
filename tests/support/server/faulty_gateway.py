"""A gateway before a real API server that spoils what a test names: the faults are fakes, everything else is real.

It speaks plain HTTP on localhost, passes the client's token on, and hands over each piece of a watch as it comes.
"""

import asyncio
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

_LEFT_OUT = {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Accept-Encoding"}


@dataclass(frozen=True)
class Answer:
    """What the gateway answers itself. A *body* of None stays open and silent."""

    status: int = 200
    body: bytes | None = b""


@dataclass
class FaultyGateway:
    """A running gateway. Set a fault with `spoil`; `cut` ends all open watches, so that they are opened again."""

    port: int
    loop: asyncio.AbstractEventLoop
    spoilt: int = 0
    """Requests that a fault has answered."""

    _faults: list[tuple[Callable[[web.Request], bool], Answer, int]] = field(default_factory=list)
    _watches: set[asyncio.Task[None]] = field(default_factory=set)

    def spoil(self, matches: Callable[[web.Request], bool], answer: Answer, times: int = 1) -> None:
        """Answer the next *times* requests that match with *answer*."""
        self._faults.append((matches, answer, times))

    def mend(self) -> None:
        """Pass everything on again."""
        self._faults.clear()

    def cut(self) -> None:
        """End all open watches as a broken network does."""

        def cancel() -> None:
            for watch in self._watches:
                watch.cancel()

        self.loop.call_soon_threadsafe(cancel)

    def answer_to(self, request: web.Request) -> Answer | None:
        """The fault that *request* meets; it counts."""
        for place, (matches, answer, times) in enumerate(self._faults):
            if matches(request):
                if times == 1:
                    del self._faults[place]
                else:
                    self._faults[place] = (matches, answer, times - 1)
                self.spoilt += 1
                return answer
        return None


def watch_of(plural: str) -> Callable[[web.Request], bool]:
    """Requests that watch objects of this kind."""
    return lambda request: request.path.endswith(f"/{plural}") and "watch" in request.query


def list_of(plural: str) -> Callable[[web.Request], bool]:
    """Requests for all objects of this kind."""
    return lambda request: (
        request.path.endswith(f"/{plural}") and request.method == "GET" and "watch" not in request.query
    )


@contextmanager
def faulty_gateway(kubeconfig: Path, folder: Path) -> Iterator[tuple[FaultyGateway, Path]]:
    """A gateway to the API server of *kubeconfig*, and a kubeconfig of it in *folder*."""
    document = json.loads(kubeconfig.read_text())
    cluster = document["clusters"][0]["cluster"]
    trust = ssl.create_default_context(cadata=_certificate(cluster))
    started = threading.Event()
    running: list[FaultyGateway] = []
    stop = asyncio.Event()

    async def serve() -> None:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0), auto_decompress=False
        ) as session:
            application = web.Application(client_max_size=2**24)
            gateway = FaultyGateway(0, asyncio.get_running_loop())
            application.router.add_route("*", "/{path:.*}", _handler(gateway, session, cluster["server"]))
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            gateway.port = runner.addresses[0][1]
            running.append(gateway)
            started.set()
            await stop.wait()
            await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(30)
    document["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{running[0].port}"}
    path = folder / "gateway.kubeconfig"
    path.write_text(json.dumps(document))
    try:
        yield running[0], path
    finally:
        running[0].loop.call_soon_threadsafe(stop.set)
        thread.join(30)


def _certificate(cluster: dict[str, str]) -> str:
    import base64

    if data := cluster.get("certificate-authority-data"):
        return base64.b64decode(data).decode()
    return Path(cluster["certificate-authority"]).read_text()


def _handler(
    gateway: FaultyGateway, session: aiohttp.ClientSession, server: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        if (fault := gateway.answer_to(request)) is not None:
            return await _answered(request, fault)
        headers = {name: value for name, value in request.headers.items() if name not in _LEFT_OUT}
        url = f"{server.rstrip('/')}{request.rel_url}"
        async with session.request(
            request.method, url, headers=headers, data=await request.read() or None, timeout=aiohttp.ClientTimeout(None)
        ) as answer:
            response = web.StreamResponse(status=answer.status)
            for name in ("Content-Type", "Retry-After", "Warning"):
                if name in answer.headers:
                    response.headers[name] = answer.headers[name]
            with suppress(ConnectionError):  # the client has gone
                await response.prepare(request)
                await _handed_over(gateway, request, answer, response)
        return response

    return handle


async def _answered(request: web.Request, fault: Answer) -> web.StreamResponse:
    response = web.StreamResponse(status=fault.status)
    response.headers["Content-Type"] = "application/json"
    await response.prepare(request)
    if fault.body is None:
        await asyncio.Event().wait()
    await response.write(fault.body or b"")
    await response.write_eof()
    return response


async def _handed_over(
    gateway: FaultyGateway, request: web.Request, answer: aiohttp.ClientResponse, response: web.StreamResponse
) -> None:
    async def pieces() -> None:
        async for piece in answer.content.iter_any():
            await response.write(piece)

    copying = asyncio.create_task(pieces())
    is_watch = "watch" in request.query
    if is_watch:
        gateway._watches.add(copying)
    try:
        await copying
    except asyncio.CancelledError:
        if not copying.cancelled():
            copying.cancel()
            raise
        with suppress(AttributeError):
            request.transport.close()  # type: ignore[union-attr]  # it may be gone already
    finally:
        gateway._watches.discard(copying)
