"""Brings a whole test cluster up and down: control plane, training-operator, and simulated nodes or one real node.

Called by `python -m cluster` (`__main__.py`) and by the fixtures. It knows the order; each component is a module.

The boundary to a real node (`node.py`), which only clusters with `--node` have, at most one of them a machine:

    node.prepare(place)   before the control plane: the bridge with `place.address`, the node's own checks and locks
    node.up(place)        after the control plane is ready; returns when the node is Ready
    node.down(place)      before the control plane stops, and also for a cluster whose processes are already dead

What the node finds in its `place` (see place.py) after `prepare`:

    place.kubeconfig                                        the administrator's
    place.configuration / "kubelet.kubeconfig"              user system:node:node-1
    place.configuration / "kube-proxy.kubeconfig"           user system:kube-proxy
    place.certificates / "kubelet-server.crt" and ".key"    for the names node-1, 127.0.0.1 and the bridge's address
    place.certificates / "ca.crt"

    binaries.path("kubelet") -> Path                        found in the cache, or built
    processes.start(place, name, argv, environment={}) -> Process   its log is place.logs / f"{name}.log"
    processes.wait_until(what, condition, process) -> float   seconds it took; fails with the log's end
    processes.stop(place, name, seconds=20)                 SIGTERM, then SIGKILL; nothing to do when it is not running
    kubectl.Kubectl(place.kubeconfig).apply(document), .get("nodes") -> dict, .run("logs", "pod")-> str

The API server serves the CRDs of the project (crds/*.yaml) and of PyTorchJobs before the controllers start.
The Services' range is 10.245.0.0/16; the API server's Service is 10.245.0.1.
`node.up` also runs the training-operator, in a pod; without a node it is a process of this machine.
`cluster.down` stops every process of `place.processes` that `node.down` left and removes `place.folder`; whatever else
the node made (mounts, namespaces, cgroups, tables, the bridge, folders elsewhere) is removed by `node.down`.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cluster.components import control_plane, kwok, training_operator
from cluster.programs import place, processes
from cluster.programs.place import Place

SIMULATED = (*control_plane.PROGRAMS, "kwok", "training-operator")
"""The programs of a cluster without a real node."""

# The API server ends its watches slowly; nothing here needs a graceful end of it.
_PATIENCE = {"kube-apiserver": 3.0}
_GONE = ".gone-"


def up(name: str, *, node: bool = False, dies_with_parent: bool = False) -> Place:
    """Bring a cluster up, after removing what killed runs left behind. When that fails, nothing of it stays.

    Raises:
        ClusterError: a cluster of that name is up, or a component did not become ready; with the end of its log.
    """
    _reap()
    owner = processes.identity_of(os.getpid())
    if (place.root() / name).exists():
        raise processes.ClusterError(
            f"a cluster named {name} is up; stop it first (down --name {name}), or name this one"
        )
    here = place.make(name, owner=owner, node=node, dies_with_parent=dies_with_parent)
    try:
        _start(here)
    except BaseException:
        down(here)
        raise
    if not dies_with_parent:
        here.complete.touch()
    return here


def down(here: Place) -> None:
    """Stop all processes of a cluster, the youngest first, and remove its folder. The cluster may be dead already."""
    _stop(here)
    with _alone():
        _remove(here)


def down_by_name(name: str) -> None:
    """Stop a cluster that `up` started, and remove what killed runs left behind."""
    _reap()
    with suppress(FileNotFoundError):
        down(place.load(place.root() / name))
        print(f"the cluster {name} is down", flush=True)


def status() -> list[str]:
    """Lines for a person: each cluster, its processes with their memory."""
    lines = []
    for here in place.all_places():
        state = "left behind; the next up or down removes it" if _is_abandoned(here) else str(here.kubeconfig)
        lines.append(f"{here.folder.name}: {state}")
        lines += [f"  {one.name:26} {_state(one)}" for one in processes.recorded(here)]
    return lines or ["no cluster"]


def own_definitions() -> list[Path]:
    """The files with the project's CRDs."""
    return sorted((Path(__file__).parents[2] / "crds").glob("*.yaml"))


def _start(here: Place) -> None:
    definitions = [training_operator.definition(), *own_definitions()]
    if here.has_node:
        from cluster.real_node import node

        node.prepare(here)
        control_plane.up(here, definitions)
        node.up(here)
    else:
        control_plane.up(here, definitions)
        kwok.up(here)
        training_operator.up(here)


def _stop(here: Place) -> None:
    if here.has_node:
        from cluster.real_node import node

        node.down(here)
    for process in reversed(processes.recorded(here)):
        processes.stop(here, process.name, _PATIENCE.get(process.name, 10.0))


def _remove(here: Place) -> None:
    # Under a name that is no cluster's first: half a folder would pass for a cluster that is up.
    gone = here.folder.with_name(f"{_GONE}{here.folder.name}")
    here.folder.rename(gone)
    shutil.rmtree(gone)


def _reap() -> None:
    with _alone():
        for half_removed in place.root().glob(f"{_GONE}*"):
            shutil.rmtree(half_removed)
        for here in place.all_places():
            if _is_abandoned(here):
                print(f"removing what the killed cluster {here.folder.name} left behind", flush=True)
                _stop(here)
                _remove(here)


def _is_abandoned(here: Place) -> bool:
    if here.complete.exists():
        return not any(process.lives for process in processes.recorded(here))
    return not processes.lives(here.owner)


def _state(process: processes.Process) -> str:
    return f"pid {process.pid:7}  {_resident(process.pid):5.0f} MiB" if process.lives else "not running"


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kibibytes = next(line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kibibytes) / 1024


@contextmanager
def _alone() -> Iterator[None]:
    with (place.root() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
