"""A fake API server on localhost: real HTTPS with a certificate of its own, ConfigMaps that only remember patches."""

import json
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Patch:
    """One request to change a ConfigMap."""

    path: str
    token: str
    content_type: str
    key: str
    report: dict[str, Any]


class FakeApiServer:
    """Records patches. A context manager; `account` is the folder that a pod's ServiceAccount would be mounted at."""

    def __init__(self, folder: Path) -> None:
        self.account = folder / "serviceaccount"
        self.account.mkdir()
        self.status = 200
        """What it answers."""

        self.answering = threading.Event()
        """While this is not set, requests wait."""

        self.answering.set()
        self.asked: list[Patch] = []
        """Every request, as soon as it has arrived."""

        self.patches: list[Patch] = []
        """Requests that were answered with 200."""

        _write_certificate(self.account / "ca.crt", folder / "server.pem")
        (self.account / "token").write_text("token-1\n")
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(folder / "server.pem")
        self._server = _Server((HOST, 0), _handler(self))
        self._server.socket = trust.wrap_socket(self._server.socket, server_side=True)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a pod that reports here."""
        return {
            "KUBERNETES_SERVICE_HOST": HOST,
            "KUBERNETES_SERVICE_PORT": str(self._server.server_port),
            "ATLAS_PROGRESS": "agents/demo-1-progress",
            "ATLAS_ATTEMPT": "1",
        }

    @property
    def newest(self) -> dict[str, Any]:
        return self.patches[-1].report

    def __enter__(self) -> "FakeApiServer":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.answering.set()
        self.stop()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away while it waited is what some tests are about."""


def _handler(fake: FakeApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            token, content_type = self.headers["Authorization"], self.headers["Content-Type"]
            ((key, text),) = body["data"].items()
            patch = Patch(self.path, token, content_type, key, json.loads(text))
            fake.asked.append(patch)
            fake.answering.wait()
            status = fake.status
            if status == 200:
                fake.patches.append(patch)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

    return Handler


def _write_certificate(certificate_file: Path, server_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    certificate_file.write_bytes(text)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    server_file.write_bytes(key.private_bytes(*form) + text)
