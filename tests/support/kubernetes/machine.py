"""What a node could leave on this machine, as lines that tests compare: before it came, and after it has gone."""

import subprocess
from pathlib import Path

from cluster.real_node.teardown import kernel_text, pod_cgroups

_FOLDERS = ("/run", "/run/netns", "/run/containerd", "/var/lib", "/var/lib/cni", "/var/log", "/etc/cni", "/opt")
_PROGRAMS = ("containerd", "kubelet", "kube-proxy", "coredns", "versitygw", "/pause", "/manager")


def traces() -> set[str]:
    """Mounts, network links, packet tables, pods' cgroups, entries of shared folders, and processes of a node."""
    return {*_mounts(), *_links(), *_tables(), *_cgroups(), *_entries(), *_processes()}


def _mounts() -> list[str]:
    return [f"mount {line.split()[1]}" for line in Path("/proc/self/mounts").read_text().splitlines()]


def _links() -> list[str]:
    return [f"link {path.name}" for path in Path("/sys/class/net").iterdir()]


def _tables() -> list[str]:
    listing = subprocess.run(["nft", "list", "tables"], text=True, check=True, capture_output=True).stdout
    return listing.splitlines()


def _cgroups() -> list[str]:
    return [f"cgroup {path}" for path in pod_cgroups()]


def _entries() -> list[str]:
    return [f"entry {path}" for folder in _FOLDERS for path in Path(folder).glob("*")]


def _processes() -> list[str]:
    names = [kernel_text(path).split("\0")[0] for path in Path("/proc").glob("[0-9]*/cmdline")]
    return [f"process {name}" for name in names if any(program in name for program in _PROGRAMS)]
