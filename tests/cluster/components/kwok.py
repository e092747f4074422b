"""Simulated nodes and pods: kwok plays pods to any outcome. Pods say which, in annotations of their own.

cluster.py starts it where there is no real node; the fixtures start it beside an existing cluster. A pod that the
scheduler has put on a simulated node becomes Running and stays so, unless annotations `test.atlas/...` say otherwise.
They can be in the pod's template, or be set on a running pod, which acts on them at once:

    ready-after: "3"               seconds until it is Running (0)
    waiting-reason: ImagePullBackOff   it never starts: its containers wait for this reason until the annotation goes
    waiting-message: TEXT          the text beside waiting-reason
    exit-code: "46"                it ends: Succeeded for 0, otherwise Failed
    run-seconds: "5"               it ends so many seconds after it started or was last changed; exit-code is 0 then
    reason: OOMKilled              reason of the ended containers (Completed or Error)
    message: TEXT                  termination message of the ended containers
    pod-reason: Evicted            it ends Failed with this reason of the pod; exit-code is 137 then
    pod-message: TEXT              the text beside pod-reason
    disruption: EvictionByEvictionAPI   it gets the condition DisruptionTarget with this reason, and runs on
    deletion-seconds: "10"         seconds from its deletion until it is gone (0)

All values are text. With run-seconds and exit-code in the template, set run-seconds to "0" to end it early.
A pod that asks for more `nvidia.com/gpu` than a node has stays Pending, Unschedulable: the scheduler is the real one.
"""

import json
from pathlib import Path

from cluster.components.stages import PREFIX, STAGES
from cluster.kubectl import Document, Kubectl
from cluster.programs.binaries import path
from cluster.programs.place import Place
from cluster.programs.processes import start, wait_until

__all__ = ["GPUS_PER_NODE", "LABEL", "PREFIX", "remove_nodes", "up"]

LABEL = "test.atlas/simulated"
GPUS_PER_NODE = 8

_DISK = {"ephemeral-storage": "500Gi"}
_CAPACITY = {"cpu": "64", "memory": "512Gi", **_DISK, "pods": "200", "nvidia.com/gpu": str(GPUS_PER_NODE)}


def up(place: Place, nodes: int = 4) -> None:
    """Start kwok and make simulated nodes, with 8 GPUs each; returns when they are Ready."""
    configuration = place.configuration / "kwok.yaml"
    configuration.write_text("\n---\n".join(map(json.dumps, STAGES)))
    argv: list[str | Path] = [
        path("kwok"),
        f"--kubeconfig={place.kubeconfig}",
        f"--manage-nodes-with-label-selector={LABEL}=true",
        f"--config={configuration}",
        "--node-lease-duration-seconds=40",
        "--cidr=10.250.0.1/16",
        "--node-ip=10.251.0.1",
    ]
    process = start(place, "kwok", argv)
    kubectl = Kubectl(place.kubeconfig)
    for number in range(1, nodes + 1):
        kubectl.create(_node(f"simulated-{number}"))
    took = wait_until("simulated nodes", lambda: _ready(kubectl) == nodes, process)
    print(f"{nodes} simulated nodes Ready after {took:.1f} s", flush=True)


def remove_nodes(kubectl: Kubectl) -> None:
    """Remove the simulated nodes, for a cluster that is not ours."""
    kubectl.run("delete", "nodes", "--selector", f"{LABEL}=true")


def _node(name: str) -> Document:
    labels = {"kubernetes.io/hostname": name, LABEL: "true"}
    status = {"allocatable": _CAPACITY, "capacity": _CAPACITY}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "status": status}


def _ready(kubectl: Kubectl) -> int:
    nodes = kubectl.items("nodes", f"{LABEL}=true")
    conditions = [condition for node in nodes for condition in node["status"].get("conditions", [])]
    return sum(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
