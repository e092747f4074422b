"""A fake RewardService on localhost that refuses by script. Real HTTP, no judges: every item scores 0.5."""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ScriptedService:
    """What it does, and what it was asked."""

    url: str
    refusals: list[tuple[int, Mapping[str, str]]]
    """Status and headers of the next answers to items; afterwards items are scored."""

    config: Any
    """What it says of itself. None: 404."""

    most_bytes: int
    """Larger bodies are answered with 413."""

    sizes: list[int] = field(default_factory=list)
    """Items in each request, refused ones included."""

    items: list[Any] = field(default_factory=list)
    """All of these items."""


@contextmanager
def scripted_service(
    refusals: Sequence[tuple[int, Mapping[str, str]]] = (), config: Any = None, most_bytes: int = 1 << 30
) -> Iterator[ScriptedService]:
    class Handler(_Handler):
        service: ScriptedService

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Handler.service = ScriptedService(f"http://127.0.0.1:{server.server_port}", list(refusals), config, most_bytes)
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
        self.service.sizes.append(len(items))
        self.service.items += items
        if self.service.refusals:
            self._answer(*self.service.refusals.pop(0), {"error": {"code": "scripted", "message": "refused"}})
        elif len(body) > self.service.most_bytes:
            self._answer(413, {}, {"error": {"code": "tooLarge", "message": "the body is too large"}})
        else:
            results = [{"score": 0.5, "reasons": [item["completion"]]} for item in items]
            self._answer(200, {}, {"revision": "r", "results": results})

    def _answer(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
