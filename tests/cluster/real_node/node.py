"""
One real node on this machine: bridge, containerd, kubelet, kube-proxy, CoreDNS, the training-operator in a pod.

cluster.py calls it around the control plane (the boundary is written there). Here is the order; each part is a module.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from cluster.components import database, s3
from cluster.components.certificates import NODE
from cluster.kubectl import Kubectl
from cluster.programs import binaries, packages, processes
from cluster.programs.place import BRIDGE_ADDRESS, LOOPBACK, Place
from cluster.programs.processes import ClusterError
from cluster.real_node import containerd, images, network, services, state, teardown, training_operator_pod

_PORT, _HEALTH_PORT = 18250, 18251
_MORE_PACKAGES = {"ip": "iproute2", "gcc": "gcc libc6-dev"}
"""Programs that only the node's own modules need, and Debian's packages that bring them."""


class NodeImpossible(ClusterError):
    """This machine cannot have a node now; the message says why and what to do."""


def prepare(place: Place) -> None:
    """
    Claim this machine's only node for the cluster, make the bridge. Removes what a killed node left behind.

    Raises:
        NodeImpossible: no root, a program is missing, or another node runs on this machine.
    """
    _require_machine()
    with state.alone():
        _require_no_other(place)
        if (left_behind := state.recall()) is not None:
            print(f"node: removing what the cluster in {left_behind.cluster} left behind", flush=True)
            teardown.remove(left_behind)
        _require_no_kubelet()
        state.remember(place.folder)
    print(f"node: bridge {network.BRIDGE}; pods reach this machine and nothing beyond it", flush=True)
    network.make_bridge()


def up(place: Place) -> None:
    """Bring the node up and wait until it is Ready and the training-operator takes jobs."""
    print("node: containerd runs the containers", flush=True)
    containerd.start(place)
    print("node: making the images pause, init, trainer and training-operator", flush=True)
    for archive in images.build_images(binaries.path("training-operator"), state.STATE / "images"):
        containerd.import_image(archive)
    print(f"node: the kubelet registers {NODE}", flush=True)
    _start_kubelet(place)
    print("node: kube-proxy and CoreDNS give Services addresses and names", flush=True)
    services.start_proxy(place)
    services.start_dns(place)
    print("node: the training-operator starts in a pod", flush=True)
    training_operator_pod.up(place)


def down(place: Place) -> None:
    """Remove the cluster's node and all its traces from this machine; nothing to do when it has none."""
    with state.alone():
        machine = state.recall()
        if machine is None or machine.cluster != str(place.folder):
            return
        for name in ("kubelet", "kube-proxy", "coredns", "containerd", s3.NAME):
            processes.stop(place, name, seconds=5)
        database.stop(place)
        teardown.remove(machine)


def _start_kubelet(place: Place) -> None:
    configuration = place.configuration / "kubelet.json"
    (place.configuration / "resolv.conf").touch()
    configuration.write_text(json.dumps(_kubelet_configuration(place)))
    argv = [
        str(binaries.path("kubelet")),
        f"--config={configuration}",
        f"--kubeconfig={place.configuration / 'kubelet.kubeconfig'}",
        f"--hostname-override={NODE}",
        f"--node-ip={BRIDGE_ADDRESS}",
        f"--root-dir={place.folder / 'kubelet'}",
        f"--cert-dir={place.folder / 'kubelet-certificates'}",
    ]
    process = processes.start(place, "kubelet", argv)
    kubectl = Kubectl(place.kubeconfig)
    processes.wait_until(f"{NODE} is Ready", lambda: _is_ready(kubectl), process)


def _kubelet_configuration(place: Place) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(place.certificates / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(place.certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(place.certificates / "kubelet-server.key"),
        "address": BRIDGE_ADDRESS,
        "port": _PORT,
        "healthzBindAddress": LOOPBACK,
        "healthzPort": _HEALTH_PORT,
        "containerRuntimeEndpoint": f"unix://{containerd.SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [services.DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(place.configuration / "resolv.conf"),
        "podLogsDir": str(place.folder / "pod-logs"),
        "volumePluginDir": str(place.folder / "volume-plugins"),
        "maxOpenFiles": 20000,
        "oomScoreAdj": 0,  # a lower one needs CAP_SYS_RESOURCE
        "makeIPTablesUtilChains": False,  # they would stay behind
        # Images are imported once and cannot be pulled again, so they are never collected.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
    }


def _is_ready(kubectl: Kubectl) -> bool:
    conditions = [c for node in kubectl.get("nodes")["items"] for c in node["status"].get("conditions", [])]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _require_machine() -> None:
    if os.geteuid() != 0:
        raise NodeImpossible("a real node needs root; the control plane alone does not: leave --node out")
    more = [package for program, package in _MORE_PACKAGES.items() if shutil.which(program) is None]
    missing = [*packages.missing(), *more]
    if missing:
        raise NodeImpossible(f"a real node needs these Debian packages: apt-get install {' '.join(missing)}")
    for setting in network.SETTINGS:
        if not Path(setting).exists():
            raise NodeImpossible(f"a real node needs {setting}: modprobe br_netfilter")


def _require_no_other(place: Place) -> None:
    machine = state.recall()
    if machine is not None and machine.cluster != str(place.folder) and Path(machine.cluster).exists():
        name = Path(machine.cluster).name
        raise NodeImpossible(f"this machine has its one node already; stop its cluster first: down --name {name}")


def _require_no_kubelet() -> None:
    if teardown.pod_cgroups():
        raise NodeImpossible("another kubelet uses this machine (there are kubepods cgroups): stop it first")
