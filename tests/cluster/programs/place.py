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
# Below the range from which outgoing connections take theirs: a port is still free when its process starts.
_RANGE = range(20000, 32000)


@dataclass(frozen=True)
class Place:
    """One cluster's place on this machine. `make` creates it with its folders and writes it into `folder`."""

    folder: Path
    address: str
    """IP address of the API server: 127.0.0.1, or the bridge's when the cluster has a real node."""
    ports: dict[str, int]
    owner: str
    """`PID start-time` of the process that brings the cluster up (processes.py)."""
    dies_with_parent: bool
    """True: the kernel kills the processes when the owner ends (tests). False: they stay (command line)."""

    @property
    def has_node(self) -> bool:
        return self.address == BRIDGE_ADDRESS

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
        """One file a process, named like it: PID and start time."""
        return self.folder / "processes"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "kubeconfig"

    @property
    def complete(self) -> Path:
        """A file that exists once a cluster that outlives its owner is up."""
        return self.folder / "complete"


def root() -> Path:
    """The folder of all clusters of this user; short, since socket paths are limited to 107 bytes."""
    folder = Path(tempfile.gettempdir()) / f"atlas-cluster-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def make(name: str, *, owner: str, node: bool, dies_with_parent: bool) -> Place:
    """A new place in `root()/name` with free ports.

    Raises:
        OSError: a cluster of this name has a place already.
    """
    address = BRIDGE_ADDRESS if node else LOOPBACK
    place = Place(root() / name, address, _free_ports(_PORTS), owner, dies_with_parent)
    # Renamed into place when it is whole: whoever sees the folder can read it.
    new = Path(tempfile.mkdtemp(dir=root(), prefix=".new-"))
    for folder in (place.certificates, place.configuration, place.logs, place.processes):
        (new / folder.name).mkdir()
    (new / _FILE).write_text(json.dumps(asdict(place), default=str))
    new.rename(place.folder)
    return place


def load(folder: Path) -> Place:
    """The place that `make` wrote into `folder`."""
    data = json.loads((folder / _FILE).read_text())
    return Place(**{**data, "folder": folder})


def all_places() -> list[Place]:
    """The places of all clusters of this user, running or left behind."""
    return [load(file.parent) for file in sorted(root().glob(f"[!.]*/{_FILE}"))]


def _free_ports(names: Iterable[str]) -> dict[str, int]:
    with ExitStack() as held:
        return {name: _free_port(held) for name in names}


def _free_port(held: ExitStack) -> int:
    while True:
        port = secrets.choice(_RANGE)
        with socket.socket() as probe:
            taken = probe.connect_ex((LOOPBACK, port)) == 0
        if not taken:
            held.enter_context(socket.create_server((LOOPBACK, port)))
            return port
