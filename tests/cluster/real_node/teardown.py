"""
Removes a node from this machine, also one that was killed: containers, mounts, cgroups, packet rules, folders.

node.py calls it once the node's processes have stopped. It needs none of them: it goes by what the kernel lists.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from cluster.programs.commands import attempt
from cluster.real_node import network
from cluster.real_node.containerd import SOCKET, shim_sockets
from cluster.real_node.state import SHARED_FOLDERS, STATE, Machine

CGROUPS = Path("/sys/fs/cgroup")
_PATIENCE = 10.0  # seconds until something that was killed must be gone


def remove(machine: Machine) -> None:
    """Make the machine what it was before the node came. Whatever is gone already is passed over."""
    sockets = shim_sockets()
    _kill_until_gone(_processes_in_containers)
    _kill_until_gone(_shims)
    _unmount(STATE, Path(machine.cluster))
    _remove_cgroups()
    network.remove_bridge()
    _restore_settings(machine)
    _remove_shared(machine, sockets)
    shutil.rmtree(STATE)


def pod_cgroups() -> list[Path]:
    """The kubelet's cgroups, in every hierarchy."""
    return [folder for folder in (*CGROUPS.glob("kubepods"), *CGROUPS.glob("*/kubepods")) if not folder.is_symlink()]


def _kill_until_gone(find: Callable[[], set[int]]) -> None:
    end = time.monotonic() + _PATIENCE
    while (found := find()) and time.monotonic() < end:
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def _processes_in_containers() -> set[int]:
    lists = [path for folder in pod_cgroups() for path in folder.rglob("cgroup.procs")]
    numbers = {int(line) for path in lists if (text := kernel_text(path)) for line in text.split()}
    return {number for number in numbers if _state(number) != "Z"}


def _shims() -> set[int]:
    """The processes between containerd and its containers; they outlive both."""
    socket = str(SOCKET)
    return {number for number, argv in _command_lines() if "containerd-shim" in argv[0] and socket in argv}


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (text := kernel_text(folder / "cmdline")):
            yield int(folder.name), text.split("\0")


def _state(process: int) -> str:
    """One letter; Z is a process that has ended and waits for its parent to notice."""
    text = kernel_text(Path(f"/proc/{process}/stat"))
    return text.rsplit(")", 1)[1].split()[0] if text else "Z"


def kernel_text(path: Path) -> str:
    """The text of a file of the kernel, empty when what it describes is gone."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _unmount(*folders: Path) -> None:
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in reversed(points):
        if any(Path(point).is_relative_to(folder) for folder in folders):
            attempt("umount", "--no-mtab", "--lazy", point)


def _remove_cgroups() -> None:
    end = time.monotonic() + _PATIENCE
    while (tops := pod_cgroups()) and time.monotonic() < end:
        for folder in (folder for top in tops for folder, _, _ in os.walk(top, topdown=False)):
            with suppress(OSError):  # busy for a moment after its last process was killed
                Path(folder).rmdir()


def _restore_settings(machine: Machine) -> None:
    for name, value in machine.settings.items():
        if kernel_text(Path(name)) != value:
            Path(name).write_text(value)


def _remove_shared(machine: Machine, sockets: list[Path]) -> None:
    """Of folders that others use too remove what is the node's, and those that are empty and were not there before."""
    links = (link for link in Path("/var/log/containers").glob("*") if _points_below(link, Path(machine.cluster)))
    for path in (*sockets, *links, *_attachments(), *_device_plugins()):
        path.unlink(missing_ok=True)
    for folder in SHARED_FOLDERS:
        if str(folder) not in machine.folders:
            with suppress(OSError):  # not there, or not empty
                folder.rmdir()


def _attachments() -> list[Path]:
    """Notes of the CNI plugins about the node's pods: NETWORK-POD-DEVICE, of our network and of their loopbacks."""
    folder = Path("/var/lib/cni/results")
    pods = [path.name.split("-")[-2] for path in folder.glob(f"{network.NETWORK}-*")]
    return [path for pod in pods for path in folder.glob(f"*-{pod}-*")]


def _device_plugins() -> list[Path]:
    """What the kubelet keeps of devices; no other kubelet runs on this machine."""
    return [path for path in Path("/var/lib/kubelet/device-plugins").glob("kubelet*") if not path.is_dir()]


def _points_below(link: Path, folder: Path) -> bool:
    return link.is_symlink() and link.readlink().is_relative_to(folder)
