"""Programs of Debian's packages that a cluster needs on this machine: which are missing, and how they are installed.

The command line asks here (`python -m cluster packages`), so does a fresh machine of CI. It knows names only.
"""

import os
import shutil
import subprocess

from cluster.programs.processes import ClusterError

_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "nft": "nftables",
    "conntrack": "conntrack",
    "busybox": "busybox-static",
    "openssl": "openssl",
    "unshare": "util-linux",
    "ip": "iproute2",
    "gcc": "gcc",
}


def missing() -> list[str]:
    """Debian packages that this machine lacks for a cluster with a real node."""
    return sorted({package for program, package in _PACKAGES.items() if shutil.which(program) is None})


def install() -> None:
    """Install the missing Debian packages.

    Raises:
        ClusterError: this needs root and apt-get; with the line that installs them.
    """
    packages = missing()
    if not packages:
        print("all programs of Debian's packages are there", flush=True)
        return
    if os.getuid() != 0 or shutil.which("apt-get") is None:
        raise ClusterError(f"missing programs; install them: sudo apt-get install -y {' '.join(packages)}")
    print(f"installing {', '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", *packages], env=environment, check=True)
