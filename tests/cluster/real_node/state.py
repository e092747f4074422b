"""
The node's folder on this machine: whose node it is, and what the machine was like before, so that it can be so again.

node.py claims it, teardown.py reads and removes it. A fixed path, because a machine has one node: one bridge, one range
of addresses, one set of packet rules. It outlives every process, so a node that was killed can still be removed.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cluster.real_node import network

STATE = Path("/run/atlas-node")
"""Short (socket paths are limited to 107 bytes), and open to other users (the database runs as one)."""
SHARED_FOLDERS = (
    Path("/run/containerd/s"),
    Path("/run/containerd"),
    Path("/run/netns"),
    Path("/var/lib/kubelet/device-plugins"),
    Path("/var/lib/kubelet"),
    Path("/var/lib/cni/results"),
    Path("/var/lib/cni"),
    Path("/var/log/containers"),
    Path("/var/log/pods"),
)
"""Folders that the node's programs use wherever their own are; a folder comes before the one that holds it."""

_MACHINE = STATE / "machine.json"
# kubelet and kube-proxy set these when they start.
_SETTINGS = (
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/panic_on_oops",
    "/proc/sys/kernel/keys/root_maxkeys",
    "/proc/sys/kernel/keys/root_maxbytes",
    "/proc/sys/net/ipv4/conf/all/route_localnet",
    "/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal",
    *network.SETTINGS,
)


@dataclass(frozen=True)
class Machine:
    """The machine before the node came, and the folder of the cluster that the node belongs to."""

    cluster: str
    settings: dict[str, str] = field(default_factory=dict)
    """Kernel settings by their files."""
    folders: list[str] = field(default_factory=list)
    """Those of `SHARED_FOLDERS` that were there."""


def remember(cluster: Path) -> None:
    """Make the node's folder and note in it what the machine is like now.

    Raises:
        FileExistsError: there is a node already.
    """
    settings = {name: Path(name).read_text() for name in _SETTINGS if Path(name).exists()}
    folders = [str(folder) for folder in SHARED_FOLDERS if folder.exists()]
    STATE.mkdir(mode=0o755)
    _MACHINE.write_text(json.dumps(asdict(Machine(str(cluster), settings, folders))))


def recall() -> Machine | None:
    """What `remember` noted; None when there is no node."""
    return Machine(**json.loads(_MACHINE.read_text())) if _MACHINE.exists() else None


@contextmanager
def alone() -> Iterator[None]:
    """No other process claims or removes the node meanwhile; waits for its turn."""
    folder = os.open(STATE.parent, os.O_RDONLY | os.O_DIRECTORY)  # a lock on the folder leaves no file behind
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
