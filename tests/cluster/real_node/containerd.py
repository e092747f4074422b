"""
Runs containers: containerd with its own folders and socket, and the project's images in it.

node.py calls it. It knows neither pods nor Kubernetes; teardown.py ends what it leaves behind.
"""

from pathlib import Path

from cluster.programs import processes
from cluster.programs.commands import CommandFailed, run
from cluster.programs.place import Place
from cluster.real_node import network
from cluster.real_node.images import PAUSE
from cluster.real_node.state import STATE

SOCKET = STATE / "containerd.sock"

# An image that was not imported must fail at once: the only registry is a port of this machine that nobody listens on.
# Said twice: with `server` alone containerd 1.6 asks the registry that the image's name begins with.
_NO_REGISTRY = """
server = "http://127.0.0.1:1"
[host."http://127.0.0.1:1"]
  capabilities = ["pull", "resolve"]
"""
# restrict_oom_score_adj: without CAP_SYS_RESOURCE no process may protect itself from the kernel's memory killer.
_CONFIGURATION = """
version = 2
root = "{root}"
state = "{state}/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "{state}/runc"
"""


def start(place: Place) -> None:
    """Start containerd and wait until it answers."""
    registries, networks = place.configuration / "registries", place.configuration / "networks"
    (registries / "_default").mkdir(parents=True)
    (registries / "_default" / "hosts.toml").write_text(_NO_REGISTRY)
    network.write_pod_network(networks, STATE / "addresses")
    configuration = place.configuration / "containerd.toml"
    configuration.write_text(_configuration(place.folder / "containerd", registries, networks))
    process = processes.start(place, "containerd", ["containerd", "--config", str(configuration)])
    processes.wait_until("containerd answers", _answers, process)


def shim_sockets() -> list[Path]:
    """Sockets of the processes between containerd and its containers; they lie in a folder of all containerds."""
    files = STATE.glob("containerd/io.containerd.runtime.v2.task/*/*/address")
    return [Path(file.read_text().removeprefix("unix://")) for file in files]


def import_image(archive: Path) -> None:
    """Make the image of a docker-archive known to pods."""
    run("ctr", "--address", SOCKET, "--namespace", "k8s.io", "images", "import", archive)


def _configuration(root: Path, registries: Path, networks: Path) -> str:
    return _CONFIGURATION.format(
        root=root,
        state=STATE,
        socket=SOCKET,
        pause=PAUSE,
        registries=registries,
        plugins=network.PLUGINS,
        networks=networks,
    )


def _answers() -> bool:
    try:
        run("ctr", "--address", SOCKET, "version")
    except CommandFailed:
        return False
    return True
