"""A fake network between a client and a real server: every connection breaks after so many bytes."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit


class FakeCuttingProxy:
    """
    Forwards TCP to the server at `upstream` (`http://host:port`) and resets a connection once the client has taken
    `bytes_per_connection` bytes of answers from it. `on_cut` runs before each reset.
    """

    def __init__(
        self,
        upstream: str,
        bytes_per_connection: int,
        *,
        cuts: int = 1_000_000,
        on_cut: Callable[[], None] = lambda: None,
    ) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname or "", address.port or 80)
        self._bytes = bytes_per_connection
        self._on_cut = on_cut
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cuts = 0
        """Connections that were broken so far."""
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "FakeCuttingProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        left = self._bytes
        with client, server:
            while left > 0:
                data = _receive(server, min(left, 65536))
                if not data:
                    return
                client.sendall(data)
                left -= len(data)
            self._cut(client)

    def _cut(self, client: socket.socket) -> None:
        self.cuts += 1
        self._on_cut()
        # A reset throws away what lies unread at the client: how far a slow one had got would be chance.
        while _unread(client.getpeername()[1]):
            time.sleep(0.01)
        # Lingering for no time makes closing send RST: the client sees a connection reset, not an orderly end.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.shutdown(socket.SHUT_RD)


def _pump(source: socket.socket, target: socket.socket) -> None:
    while data := _receive(source, 65536):
        try:
            target.sendall(data)
        except OSError:
            return


def _unread(port: int) -> bool:
    """Whether bytes wait for the local process whose end of a connection has *port*. False once it has closed it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return any(int(row[1].rpartition(":")[2], 16) == port and int(row[4].rpartition(":")[2], 16) for row in rows)


def _receive(source: socket.socket, most: int) -> bytes:
    try:
        return source.recv(most)
    except OSError:
        return b""
