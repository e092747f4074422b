"""A fake of the model hub on localhost: serves folders as models, each with one commit. The real one is elsewhere."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c" * 40


class FakeHub:
    """A running hub. `models` maps an id to a folder; `gated` are ids that ask for consent first."""

    def __init__(self) -> None:
        self.models: dict[str, Path] = {}
        self.gated: set[str] = set()
        self.asked: list[str] = []
        """Method and path of each request."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub._answer(self, body=True)

            def do_HEAD(self) -> None:
                hub._answer(self, body=False)

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "FakeHub":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def downloads(self, name: str) -> int:
        """How often the file *name* was downloaded."""
        return sum(line.startswith("GET ") and line.endswith(f"/{name}") for line in self.asked)

    def _answer(self, request: BaseHTTPRequestHandler, body: bool) -> None:
        path = request.path.partition("?")[0]
        self.asked.append(f"{request.command} {path}")
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and len(parts) >= 4:
            model, revision = "/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main"
            self._describe(request, model, revision, listed=parts[4:5] == ["tree"])
        elif len(parts) >= 5 and parts[2] == "resolve":
            self._file(request, "/".join(parts[:2]), parts[3], "/".join(parts[4:]), body)
        else:
            self._send(request, 404, b"", {}, body)

    def _describe(self, request: BaseHTTPRequestHandler, model: str, revision: str, listed: bool) -> None:
        if not self._given(request, model, revision, body=True):
            return
        files = [
            {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _digest(file.read_bytes())}
            for file in sorted(self.models[model].iterdir())
        ]
        document = files if listed else {"id": model, "sha": COMMIT, "private": False, "tags": []}
        self._send(request, 200, json.dumps(document).encode(), {"Content-Type": "application/json"}, body=True)

    def _file(self, request: BaseHTTPRequestHandler, model: str, revision: str, name: str, body: bool) -> None:
        if not self._given(request, model, revision, body):
            return
        file = self.models[model] / name
        if not file.is_file():
            self._send(request, 404, b"", {"X-Error-Code": "EntryNotFound"}, body)
            return
        content = file.read_bytes()
        headers = {"ETag": f'"{_digest(content)}"', "X-Repo-Commit": COMMIT}
        self._send(request, 200, content, headers, body)

    def _given(self, request: BaseHTTPRequestHandler, model: str, revision: str, body: bool) -> bool:
        code, error = 0, ""
        if model not in self.models:
            code, error = 404, "RepoNotFound"
        elif model in self.gated:
            code, error = 403, "GatedRepo"
        elif revision not in ("main", COMMIT):
            code, error = 404, "RevisionNotFound"
        if code:
            self._send(request, code, b"", {"X-Error-Code": error}, body)
        return not code

    def _send(
        self, request: BaseHTTPRequestHandler, code: int, content: bytes, headers: dict[str, str], body: bool
    ) -> None:
        request.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        if body:
            request.wfile.write(content)


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
