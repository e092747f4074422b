"""Where one test cluster lives: its folder, its address, its ports. Written down, so that another process can stop it.

Every module of the cluster takes a `Place` and keeps all that it writes below `place.folder`.
It starts nothing and does not know which processes a cluster has.
"""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

BRIDGE_ADDRESS = "10.244.0.1"
LOOPBACK = "127.0.0.1"

_FILE = "place.json"
_PORTS = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "training-operator-webhook",
    "training-operator-probe",
    "training-operator-metrics",
)


@dataclass(frozen=True)
class Place:
    """One cluster's place on this machine. Folders are made by `make`, which also writes the place into its folder."""

    folder: Path
    address: str
    """IP address of the API server: 127.0.0.1, or the bridge's when the cluster has a real node."""
    ports: dict[str, int]
    dies_with_parent: bool
    """True: the processes are killed by the kernel when the process that started them ends (tests)."""
    owner: str
    """`PID start-time` of the process that the cluster belongs to; empty when it outlives its starter."""

    @property
    def server(self) -> str:
        return f"https://{self.address}:{self.ports['kube-apiserver']}"

    @property
    def certificates(self) -> Path:
        """Holds NAME.crt and NAME.key of everybody, and ca.crt, ca.key."""
        return self.folder / "certificates"

    @property
    def configuration(self) -> Path:
        """Holds NAME.kubeconfig of every component, and files that the components read."""
        return self.folder / "configuration"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def processes(self) -> Path:
        """One file a running process, named like it: PID and start time."""
        return self.folder / "processes"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "kubeconfig"


def root() -> Path:
    """The folder of all clusters of this user; short, since socket paths are limited to 107 bytes."""
    return Path(tempfile.gettempdir()) / f"atlas-cluster-{os.getuid()}"


def make(name: str, *, address: str = LOOPBACK, owner: str = "") -> Place:
    """A new place in `root()/name` with free ports. A cluster with an owner dies with it.

    Raises:
        FileExistsError: a cluster of this name has a place already.
    """
    root().mkdir(mode=0o700, exist_ok=True)
    folder = root() / name
    folder.mkdir()
    place = Place(folder, address, _free_ports(_PORTS), dies_with_parent=bool(owner), owner=owner)
    for below in (place.certificates, place.configuration, place.logs, place.processes):
        below.mkdir()
    (folder / _FILE).write_text(json.dumps(asdict(place), default=str))
    return place


def load(folder: Path) -> Place:
    """The place that `make` wrote into `folder`."""
    data = json.loads((folder / _FILE).read_text())
    return Place(**{**data, "folder": folder})


def all_places() -> list[Place]:
    """The places of all clusters of this user, running or left behind."""
    return [load(file.parent) for file in sorted(root().glob(f"*/{_FILE}"))]


def _free_ports(names: Iterable[str]) -> dict[str, int]:
    with ExitStack() as held:
        return {name: _free_port(held) for name in names}


def _free_port(held: ExitStack) -> int:
    # Below the range from which outgoing connections take theirs: the port is still free when its process starts.
    while True:
        port = secrets.choice(range(20000, 32000))
        listener = held.enter_context(socket.socket())
        if listener.connect_ex((LOOPBACK, port)) != 0:
            held.enter_context(socket.create_server((LOOPBACK, port)))
            return port
