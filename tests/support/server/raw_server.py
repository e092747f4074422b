"""A fake HTTP server that sends whatever bytes a test wants, for as long as the client listens."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class RawServer:
    """Its address, and how much it could send."""

    def __init__(self, host: str, port: int) -> None:
        self.url = f"http://{host}:{port}"
        self.sent = 0
        """Bytes that clients have taken, of all connections."""


@contextmanager
def raw_server(parts: Callable[[], Iterator[bytes]]) -> Iterator[RawServer]:
    """A server that answers each request with *parts* and then closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = RawServer(*listening.getsockname())
        thread = threading.Thread(target=_serve, args=(listening, parts, server), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _serve(listening: socket.socket, parts: Callable[[], Iterator[bytes]], server: RawServer) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_answer, args=(connection, parts, server), daemon=True).start()


def _answer(connection: socket.socket, parts: Callable[[], Iterator[bytes]], server: RawServer) -> None:
    with connection, suppress(OSError):
        _read_request(connection)
        for part in parts():
            connection.sendall(part)
            server.sent += len(part)


def _read_request(connection: socket.socket) -> None:
    """Read a request to its end, so that closing resets nothing."""
    with connection.makefile("rb") as request:
        length = 0
        while (line := request.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        request.read(length)


def chunk(data: bytes) -> bytes:
    """*data* as a part of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
