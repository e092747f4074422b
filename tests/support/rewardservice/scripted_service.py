"""A fake RewardService on localhost that refuses by script. Real HTTP, no judges: every item scores 0.5."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ScriptedService:
    """What the service does, and what it was asked."""

    url: str
    refusals: list[tuple[int, Mapping[str, str]]]
    """Status and headers of the next answers to items; afterwards items are scored."""

    config: Any
    """What the service says of itself. None: 404."""

    most_bytes: int
    """Larger bodies are answered with 413."""

    seconds: float
    """How long it takes over items that it scores."""

    room: int
    """Requests that it scores at the same time; more are answered with 429."""

    together: int
    """Requests that must have been in flight at the same time before it answers any; it waits 10 s for them."""

    in_flight: int = 0
    most_in_flight: int = 0
    """Requests that it scored at the same time."""

    lock: threading.Condition = field(default_factory=threading.Condition)

    sizes: list[int] = field(default_factory=list)
    """Items in each request, refused ones included."""

    items: list[Any] = field(default_factory=list)
    """All of these items."""

    def release(self) -> None:
        """Wait for no more requests."""
        with self.lock:
            self.together = 0
            self.lock.notify_all()


@contextmanager
def scripted_service(
    refusals: Sequence[tuple[int, Mapping[str, str]]] = (),
    config: Any = None,
    *,
    most_bytes: int = 1 << 30,
    seconds: float = 0.0,
    room: int = 1 << 30,
    together: int = 1,
) -> Iterator[ScriptedService]:
    class Handler(_Handler):
        service: ScriptedService

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        Handler.service = ScriptedService(url, list(refusals), config, most_bytes, seconds, room, together)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Handler.service
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    service: ScriptedService

    def do_GET(self) -> None:
        if self.service.config is None:
            self._answer(404, {}, {"error": {"code": "notHere", "message": "not found"}})
        else:
            self._answer(200, {}, {"configuration": self.service.config})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        items = json.loads(body)["items"]
        with self.service.lock:
            self.service.sizes.append(len(items))
            self.service.items += items
            refusal = self._refusal(body)
            self.service.in_flight += refusal is None
            self.service.most_in_flight = max(self.service.most_in_flight, self.service.in_flight)
            self.service.lock.notify_all()
        if refusal is not None:
            self._answer(*refusal, {"error": {"code": "scripted", "message": "refused"}})
            return
        time.sleep(self.service.seconds)
        with self.service.lock:
            self.service.lock.wait_for(lambda: self.service.most_in_flight >= self.service.together, timeout=10)
            self.service.in_flight -= 1
        results = [{"score": 0.5, "reasons": [item["completion"]]} for item in items]
        self._answer(200, {}, {"revision": "r", "results": results})

    def _refusal(self, body: bytes) -> tuple[int, Mapping[str, str]] | None:
        if self.service.refusals:
            return self.service.refusals.pop(0)
        if len(body) > self.service.most_bytes:
            return 413, {}
        return (429, {"Retry-After": "0"}) if self.service.in_flight >= self.service.room else None

    def _answer(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(ConnectionError):  # whoever asked has gone away
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
