"""Certificates of a control plane, made by openssl: one authority, a server and a client for each that needs one.

control_plane.py makes them before anything starts; training_operator.py uses the building blocks for its webhook.
"""

import json
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from cluster.programs.place import BRIDGE_ADDRESS, LOOPBACK, Place

NODE = "node-1"
FIRST_SERVICE_ADDRESS = "10.245.0.1"

# The training-operator replaces certificates that have less than three months left.
_DAYS = "365"
_KUBERNETES = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
_SERVERS = {
    "kube-apiserver": ("/CN=kube-apiserver", ["localhost", *_KUBERNETES], [LOOPBACK, FIRST_SERVICE_ADDRESS]),
    "kubelet-server": (f"/O=system:nodes/CN=system:node:{NODE}", [NODE], [LOOPBACK]),
}
_CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "kube-apiserver-kubelet-client": "/O=system:masters/CN=kube-apiserver-kubelet-client",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kubelet": f"/O=system:nodes/CN=system:node:{NODE}",
    "kube-proxy": "/CN=system:kube-proxy",
}


def make(place: Place) -> None:
    """All certificates and keys of `place`, the pair that signs ServiceAccount tokens, and the kubeconfig files."""
    folder = place.certificates
    authority(folder, "ca", "/CN=test-ca")
    authority(folder, "front-proxy-ca", "/CN=test-front-proxy-ca")
    for name, (subject, names, addresses) in _SERVERS.items():
        alternatives = [f"DNS:{one}" for one in names] + [f"IP:{one}" for one in [*addresses, BRIDGE_ADDRESS]]
        signed(folder, name, subject, usage="serverAuth", alternatives=alternatives)
    for name, subject in _CLIENTS.items():
        signed(folder, name, subject, usage="clientAuth")
        write_kubeconfig(place, place.configuration / f"{name}.kubeconfig", _certificate_of(folder, name))
    write_kubeconfig(place, place.kubeconfig, _certificate_of(folder, "admin"))
    openssl("genrsa", "-out", folder / "service-accounts.key", "2048")
    openssl("rsa", "-in", folder / "service-accounts.key", "-pubout", "-out", folder / "service-accounts.pub")


def authority(folder: Path, name: str, subject: str, *, alternatives: Sequence[str] = (), rsa: bool = False) -> None:
    """A self-signed authority: NAME.crt and NAME.key."""
    _key(folder / f"{name}.key", rsa)
    lines = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
    lines += [f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    extensions = [argument for line in lines for argument in ("-addext", line)]
    files = ("-key", folder / f"{name}.key", "-out", folder / f"{name}.crt")
    openssl("req", "-x509", "-new", *files, "-days", _DAYS, "-subj", subject, *extensions)


def signed(
    folder: Path, name: str, subject: str, *, usage: str, alternatives: Sequence[str] = (), rsa: bool = False
) -> None:
    """NAME.crt and NAME.key, signed by the folder's `ca`. `alternatives` are DNS:NAME and IP:ADDRESS."""
    key, request, extensions = (folder / f"{name}.{suffix}" for suffix in ("key", "csr", "extensions"))
    _key(key, rsa)
    openssl("req", "-new", "-key", key, "-subj", subject, "-out", request)
    lines = ["basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}"]
    lines += [f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    extensions.write_text("\n".join(lines))
    signer = ("-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", _DAYS)
    openssl("x509", "-req", "-in", request, *signer, "-extfile", extensions, "-out", folder / f"{name}.crt")


def write_kubeconfig(place: Place, path: Path, user: dict[str, str]) -> None:
    """A kubeconfig file, readable by its owner alone, in which `user` says how to log in."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": place.server, "certificate-authority-data": _ca(place)}}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))


def base64_of(file: Path) -> str:
    """A file's bytes as Kubernetes wants them in documents."""
    return b64encode(file.read_bytes()).decode()


def openssl(*arguments: str | Path) -> None:
    """Run openssl.

    Raises:
        RuntimeError: openssl refused; with what it said.
    """
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")


def _ca(place: Place) -> str:
    return base64_of(place.certificates / "ca.crt")


def _certificate_of(folder: Path, name: str) -> dict[str, str]:
    return {
        "client-certificate-data": base64_of(folder / f"{name}.crt"),
        "client-key-data": base64_of(folder / f"{name}.key"),
    }


def _key(path: Path, rsa: bool) -> None:
    if rsa:
        openssl("genrsa", "-out", path, "2048")
    else:
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
