"""
The container images of the test cluster, made from files of this machine.

node.py builds them and imports them into containerd. The interpreter, the virtual environment and the sources are in
none of them: they are mounted read-only at their own paths (mounts.py), so a change in the sources needs no build.
"""

import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from cluster.real_node.archive import Content, Image, Link, write_archive

PAUSE = "local.test/pause:1"
INIT = "local.test/init:1"
TRAINER = "local.test/trainer:1"
TRAINING_OPERATOR = "local.test/training-operator:1"

NON_ROOT = 65532
_BUSYBOX = Path("/bin/busybox")
_PASSWD = f"root:x:0:0:root:/root:/bin/sh\natlas:x:{NON_ROOT}:{NON_ROOT}:atlas:/tmp:/bin/sh\n".encode()
_GROUP = f"root:x:0:\natlas:x:{NON_ROOT}:\n".encode()
_PATH = "/usr/local/bin:/usr/bin:/bin"
# Wheels may link to these and to nothing else of the system (the manylinux rule); the last two resolve host names.
_WHEEL_LIBRARIES = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libresolv.so.2",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libgomp.so.1",
    "libz.so.1",
    "libexpat.so.1",
    "libnss_dns.so.2",
    "libnss_files.so.2",
]

# The container that holds a pod's namespaces: it only waits, and buries children that lost their parent.
_PAUSE_SOURCE = r"""
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void stop(int number) { (void)number; _exit(0); }
static void bury(int number) { (void)number; while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGTERM, stop); signal(SIGINT, stop); signal(SIGCHLD, bury);
  for (;;) pause();
}
"""


def build_images(training_operator: Path, folder: Path) -> list[Path]:
    """Write all images into `folder`, return their archives. `training_operator` is the operator's binary."""
    folder.mkdir(parents=True, exist_ok=True)
    archives = []
    for image in (_pause(folder), _init(), _trainer(), _training_operator(training_operator)):
        archive = folder / (re.sub(r"[^a-z0-9]+", "-", image.reference) + ".tar")
        write_archive(image, archive)
        archives.append(archive)
    return archives


def _pause(folder: Path) -> Image:
    binary = folder / "pause"
    compiler = ["gcc", "-Os", "-static", "-x", "c", "-o", str(binary), "-"]
    subprocess.run(compiler, input=_PAUSE_SOURCE, text=True, check=True)
    return Image(PAUSE, {"/pause": binary}, ["/pause"], user="65535:65535")


def _init() -> Image:
    """
    What the training-operator's init container needs: `sh` and an `nslookup` that succeeds when the name resolves.

    Busybox's own fails when any search domain misses, and its shell prefers its own applets; so dash, and getent.
    """
    tools: dict[str, Content] = {
        "/usr/local/bin/nslookup": b'#!/bin/sh\nexec getent ahosts "$1"\n',
        "/usr/bin/getent": Path("/usr/bin/getent"),
        "/bin/sh": Path("/bin/dash"),
        **_libraries(Path("/usr/bin/getent"), Path("/bin/dash")),
        **_wheel_libraries(),
    }
    return Image(INIT, _small_system() | tools, ["sh"], environment={"PATH": _PATH})


def _trainer() -> Image:
    """A small system that can run this interpreter and its wheels once they are mounted."""
    interpreter = Path(sys.executable).resolve()
    modules = [module for module in _extension_modules() if "tkinter" not in module.name]  # it would bring X11
    files = _small_system() | _libraries(interpreter, *modules) | _wheel_libraries()
    environment = {"PATH": f"{sys.prefix}/bin:{_PATH}", "LANG": "C.UTF-8", "HOME": "/tmp"}
    return Image(TRAINER, files, ["sh"], user=f"{NON_ROOT}:{NON_ROOT}", environment=environment)


def _extension_modules() -> Iterable[Path]:
    return Path(sys.base_prefix).glob("lib/python3.*/lib-dynload/*.so")


def _training_operator(binary: Path) -> Image:
    files: dict[str, Content] = {"/manager": binary, "/etc/passwd": _PASSWD, "/etc/group": _GROUP}
    return Image(TRAINING_OPERATOR, files, ["/manager"], environment={"PATH": _PATH})


def _small_system() -> dict[str, Content]:
    listing = subprocess.run([_BUSYBOX, "--list"], text=True, check=True, capture_output=True)
    applets: dict[str, Content] = {f"/bin/{name}": Link("busybox") for name in listing.stdout.split()}
    return applets | {
        "/bin/busybox": _BUSYBOX,
        "/etc/passwd": _PASSWD,
        "/etc/group": _GROUP,
        "/etc/nsswitch.conf": b"hosts: files dns\n",
    }


def _libraries(*binaries: Path) -> dict[str, Content]:
    """The shared libraries that the binaries link to and that are not mounted, at their own paths."""
    # One call for many files; ldd's exit status says no more than that one of them is static.
    listing = subprocess.run(["ldd", *map(str, binaries)], text=True, check=False, capture_output=True).stdout
    found = set(re.findall(r"(?:=> |^\s)(/\S+) \(0x", listing, re.MULTILINE))
    return {path: Path(path) for path in found if not Path(path).is_relative_to(sys.base_prefix)}


def _wheel_libraries() -> dict[str, Content]:
    listing = subprocess.run(["ldconfig", "-p"], text=True, check=True, capture_output=True).stdout
    known = dict(re.findall(rf"^\s(\S+) \(libc6,{_abi()}[^)]*\) => (\S+)$", listing, re.MULTILINE))
    return {known[name]: Path(known[name]) for name in _WHEEL_LIBRARIES if name in known}


def _abi() -> str:
    """How `ldconfig -p` marks libraries for this machine's 64-bit programs."""
    return {"x86_64": "x86-64", "aarch64": "AArch64"}[platform.machine()]
