"""A fake of a store with the S3 API that lies: what it lists is not what it sends, and it sends without an end."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from xml.sax.saxutils import escape

_BLOCK = b"x" * (1 << 20)


class FakeLyingStore:
    """Answers requests as told: *listed* are keys with the lengths that a listing has, *sent* what comes instead.

    What is sent for a key that is in neither goes on without an end.
    """

    def __init__(self, listed: dict[str, int], sent: dict[str, bytes], head: int | None = None) -> None:
        self.listed = listed
        self.sent = sent
        self.head = head
        """Length that questions for the length are answered with; None: that in the listing."""
        self.bytes_sent = 0

    @contextmanager
    def running(self) -> Iterator[str]:
        """Run on localhost. Gives the address."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                size = store.head if store.head is not None else store.listed[self._key()]
                self._begin(200, [("Content-Length", str(size)), ("ETag", '"1"')])

            def do_GET(self) -> None:
                if "list-type=2" in self.path:
                    self._send(_listing(store.listed))
                elif (key := self._key()) in store.sent:
                    self._send(store.sent[key])
                else:
                    self._send_without_end()

            def log_message(self, *_: object) -> None:
                pass

            def _key(self) -> str:
                return self.path.partition("?")[0].removeprefix("/models/")

            def _begin(self, status: int, headers: list[tuple[str, str]]) -> None:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()

            def _send(self, body: bytes) -> None:
                self._begin(200, [("Content-Length", str(len(body))), ("ETag", '"1"')])
                self.wfile.write(body)

            def _send_without_end(self) -> None:
                self.close_connection = True
                self._begin(200, [("Transfer-Encoding", "chunked"), ("ETag", '"1"')])
                try:
                    while True:
                        self.wfile.write(b"%x\r\n%b\r\n" % (len(_BLOCK), _BLOCK))
                        store.bytes_sent += len(_BLOCK)
                except OSError:
                    pass

        return Handler


def _listing(sizes: dict[str, int]) -> bytes:
    entries = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{size}</Size></Contents>" for key, size in sizes.items()
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode()
