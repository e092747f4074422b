"""The control plane of a test cluster: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.

cluster.py starts it first. It knows neither nodes nor what runs on them.
"""

from collections.abc import Sequence
from pathlib import Path

from cluster.components import certificates
from cluster.kubectl import Document, Kubectl
from cluster.programs import probe
from cluster.programs.binaries import path
from cluster.programs.place import Place
from cluster.programs.processes import Process, start, wait_until

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
SERVICES = "10.245.0.0/16"

# With the components' own limits the default ServiceAccount takes twice as long to appear.
_FAST = ["--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=400", "--profiling=false"]


def up(place: Place, definitions: Sequence[Path] = ()) -> None:
    """Start everything, with the CRDs of the files `definitions`, and wait until pods can be made.

    Raises:
        ClusterError: a component did not become ready; with the end of its log.
    """
    certificates.make(place)
    _etcd(place)
    _api_server(place)
    kubectl = Kubectl(place.kubeconfig)
    # Before the controllers start: the garbage collector looks for new kinds every 30 seconds only.
    _define(kubectl, definitions)
    managers = [_controller_manager(place), _scheduler(place)]
    for manager in managers:
        address = f"https://127.0.0.1:{place.ports[manager.name]}/healthz"
        _ready(place, manager, address)
    account = "the default ServiceAccount"
    took = wait_until(account, lambda: kubectl.find("serviceaccount", "default") is not None, managers[0])
    print(f"{account} exists after {took:.1f} s", flush=True)


def _define(kubectl: Kubectl, definitions: Sequence[Path]) -> None:
    for definition in definitions:
        kubectl.run("apply", "--server-side", "-f", definition)
    wait_until("the CRDs", lambda: all(map(_is_established, kubectl.items("customresourcedefinitions"))))


def _is_established(definition: Document) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def _ready(place: Place, process: Process, address: str) -> None:
    authority = place.certificates / "ca.crt"
    took = wait_until(process.name, lambda: probe.body(address, authority) == "ok", process)
    print(f"{process.name} ready after {took:.1f} s", flush=True)


def _etcd(place: Place) -> None:
    client, peer = (f"http://127.0.0.1:{place.ports[port]}" for port in ("etcd", "etcd-peer"))
    argv: list[str | Path] = [
        path("etcd"),
        "--name=etcd",
        f"--data-dir={place.folder}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=etcd={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    process = start(place, "etcd", argv)
    took = wait_until("etcd", lambda: '"true"' in probe.body(f"{client}/health"), process)
    print(f"etcd ready after {took:.1f} s", flush=True)


def _api_server(place: Place) -> None:
    keys = place.certificates
    # A loopback address cannot be an endpoint; the bridge's is one that pods reach.
    endpoint = f"--advertise-address={place.address}" if place.has_node else "--endpoint-reconciler-type=none"
    argv: list[str | Path] = [
        path("kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{place.ports['etcd']}",
        f"--bind-address={place.address}",
        f"--secure-port={place.ports['kube-apiserver']}",
        endpoint,
        f"--service-cluster-ip-range={SERVICES}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={keys}/ca.crt",
        *_serving(place),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={keys}/service-accounts.pub",
        f"--service-account-signing-key-file={keys}/service-accounts.key",
        f"--kubelet-client-certificate={keys}/kube-apiserver-kubelet-client.crt",
        f"--kubelet-client-key={keys}/kube-apiserver-kubelet-client.key",
        f"--kubelet-certificate-authority={keys}/ca.crt",
        "--kubelet-preferred-address-types=InternalIP",
        f"--requestheader-client-ca-file={keys}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--profiling=false",
    ]
    _ready(place, start(place, "kube-apiserver", argv), f"{place.server}/readyz")


def _controller_manager(place: Place) -> Process:
    keys = place.certificates
    argv = [
        f"--service-account-private-key-file={keys}/service-accounts.key",
        f"--root-ca-file={keys}/ca.crt",
        f"--cluster-signing-cert-file={keys}/ca.crt",
        f"--cluster-signing-key-file={keys}/ca.key",
        "--use-service-account-credentials",
    ]
    return _manager(place, "kube-controller-manager", argv)


def _scheduler(place: Place) -> Process:
    return _manager(place, "kube-scheduler", [])


def _manager(place: Place, name: str, more: list[str]) -> Process:
    kubeconfig = place.configuration / f"{name}.kubeconfig"
    argv: list[str | Path] = [
        path(name),
        *(f"--{use}={kubeconfig}" for use in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")),
        "--bind-address=127.0.0.1",
        f"--secure-port={place.ports[name]}",
        *_serving(place),
        *_FAST,
        *more,
    ]
    return start(place, name, argv)


def _serving(place: Place) -> list[str]:
    pair = place.certificates / "kube-apiserver"
    return [f"--tls-cert-file={pair}.crt", f"--tls-private-key-file={pair}.key", f"--cert-dir={place.certificates}"]
