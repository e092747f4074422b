"""A fake HTTP proxy on localhost: it tunnels what CONNECT asks for, and remembers it. Names lead where a test says."""

import socket
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer


class FakeConnectProxy:
    """A context manager. *names* gives addresses to names that nobody else knows; *answer* may refuse everything."""

    def __init__(
        self, names: dict[str, tuple[str, int]] | None = None, answer: str = "200 Connected", port: int = 0
    ) -> None:
        self.asked: list[str] = []
        """What CONNECT asked for, as `host:port`, and the whole first line of other requests."""

        self.credentials: list[str] = []
        """Values of Proxy-Authorization."""

        self.connections: list[socket.socket] = []
        """Of clients; the end of the proxy cuts them."""

        self._server = _Server(("127.0.0.1", port), _handler(self, names or {}, answer))

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "FakeConnectProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


def _handler(proxy: FakeConnectProxy, names: dict[str, tuple[str, int]], answer: str) -> type[BaseRequestHandler]:
    class Handler(BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            proxy.connections.append(self.request)
            head = self._head()
            first, *fields = head.split("\r\n")
            proxy.credentials += [each.split(":", 1)[1].strip() for each in fields if each.startswith("Proxy-Auth")]
            method, _, rest = first.partition(" ")
            target = rest.split(" ")[0]
            proxy.asked.append(target if method == "CONNECT" else first)
            self.request.sendall(f"HTTP/1.1 {answer}\r\n\r\n".encode())
            if not answer.startswith("200"):
                return
            host, _, port = target.rpartition(":")
            address = names.get(host, (host.strip("[]"), int(port or 0)))
            with suppress(OSError), socket.create_connection(address) as server:
                threading.Thread(target=_pump, args=(server, self.request), daemon=True).start()
                _pump(self.request, server)

        def _head(self) -> str:
            data = b""
            while b"\r\n\r\n" not in data and (more := self.request.recv(1)):
                data += more
            return data.decode(errors="replace").rstrip("\r\n")

    return Handler


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
