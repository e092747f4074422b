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
from typing import Any

from cluster.binaries import path
from cluster.kubectl import Document, Kubectl
from cluster.place import Place
from cluster.processes import start, wait_until

PREFIX = "test.atlas/"
LABEL = "test.atlas/simulated"
GPUS_PER_NODE = 8

_CAPACITY = {"cpu": "64", "memory": "512Gi", "pods": "200", "nvidia.com/gpu": str(GPUS_PER_NODE)}


def up(place: Place, nodes: int = 4) -> None:
    """Start kwok and make simulated nodes, with 8 GPUs each; returns when they are Ready."""
    configuration = place.configuration / "kwok.yaml"
    configuration.write_text("\n---\n".join(map(json.dumps, _STAGES)))
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


def _stage(name: str, kind: str, when: list[Document], following: Document, delay: str = "") -> Document:
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": when},
        "next": following,
    }
    if delay:
        spec["delay"] = {"durationFrom": {"expressionFrom": delay}}
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _annotation(name: str) -> str:
    return f'.metadata.annotations["{PREFIX}{name}"]'


def _exists(key: str) -> Document:
    return {"key": key, "operator": "Exists"}


def _absent(key: str) -> Document:
    return {"key": key, "operator": "DoesNotExist"}


def _is(key: str, value: str) -> Document:
    return {"key": key, "operator": "In", "values": [value]}


def _seconds(name: str) -> str:
    return f'(({_annotation(name)}) // "0") + "s"'


_ALIVE = _absent(".metadata.deletionTimestamp")
_RUNNING = [_ALIVE, _is(".status.phase", "Running")]
_PENDING = [_ALIVE, _is(".status.phase", "Pending")]
_ENDS = " // ".join(_annotation(name) for name in ("exit-code", "run-seconds", "pod-reason"))
_DISRUPTED = '.status.conditions.[] | select(.type == "DisruptionTarget") | .status'

# Values of annotations as Go template variables, for the templates below.
_VALUES = "\n".join(
    f'{{{{ ${variable} := or (index (or .metadata.annotations dict) "{PREFIX}{name}") "" }}}}'
    for variable, name in {
        "exit": "exit-code",
        "reason": "reason",
        "message": "message",
        "podReason": "pod-reason",
        "podMessage": "pod-message",
        "waiting": "waiting-reason",
        "waitingMessage": "waiting-message",
        "disruption": "disruption",
    }.items()
)

_START = """
{{ $now := Now }}
conditions:
{{ range $type := list "Initialized" "Ready" "ContainersReady" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ $now | Quote }}}
{{ end }}
initContainerStatuses:
{{ range .spec.initContainers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  state: {terminated: {exitCode: 0, reason: Completed, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }}}}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ $now | Quote }}}}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
{{ $pod := .metadata }}
podIP: {{ PodIPWith .spec.nodeName (or .spec.hostNetwork false) $pod.uid $pod.name $pod.namespace | Quote }}
phase: Running
startTime: {{ $now | Quote }}
"""

_WAIT = f"""
{_VALUES}
containerStatuses:
{{{{ range .spec.containers }}}}
- name: {{{{ .name | Quote }}}}
  image: {{{{ .image | Quote }}}}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state: {{waiting: {{reason: {{{{ $waiting | Quote }}}}, message: {{{{ $waitingMessage | Quote }}}}}}}}
{{{{ end }}}}
"""

_END = (
    _VALUES
    + """
{{ $now := Now }}
{{ $code := or $exit (and $podReason "137") "0" }}
{{ $good := eq $code "0" }}
conditions:
{{ range $type := list "Ready" "ContainersReady" }}
- type: {{ $type }}
  status: "False"
  reason: {{ if $good }}PodCompleted{{ else }}PodFailed{{ end }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ $root := . }}
{{ range $index, $container := .spec.containers }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state:
    terminated:
      exitCode: {{ $code }}
      reason: {{ or $reason (and $good "Completed") "Error" }}
      message: {{ $message | Quote }}
      startedAt: {{ (index $root.status.containerStatuses $index).state.running.startedAt | Quote }}
      finishedAt: {{ $now | Quote }}
{{ end }}
{{ if $podReason }}
reason: {{ $podReason | Quote }}
message: {{ $podMessage | Quote }}
{{ end }}
phase: {{ if $good }}Succeeded{{ else }}Failed{{ end }}
"""
)

_DISRUPT = f"""
{_VALUES}
conditions:
- type: DisruptionTarget
  status: "True"
  reason: {{{{ $disruption | Quote }}}}
  message: the test asked for it
  lastTransitionTime: {{{{ Now | Quote }}}}
"""

_NODE = """
{{ $now := Now }}
conditions:
{{ range NodeConditions }}
- type: {{ .type | Quote }}
  status: {{ .status | Quote }}
  reason: {{ .reason | Quote }}
  message: {{ .message | Quote }}
  lastHeartbeatTime: {{ $now | Quote }}
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ NodeName | Quote }}}
phase: Running
"""

_NODE_READY = '.status.conditions.[] | select(.type == "Ready") | .status'
_WAITING = _annotation("waiting-reason")
_STAGES = [
    _stage(
        "node-becomes-ready",
        "Node",
        [{"key": _NODE_READY, "operator": "NotIn", "values": ["True"]}],
        {"statusTemplate": _NODE},
    ),
    _stage("pod-starts", "Pod", [*_PENDING, _absent(_WAITING)], {"statusTemplate": _START}, _seconds("ready-after")),
    _stage(
        "pod-waits",
        "Pod",
        [*_PENDING, _exists(_WAITING), _absent(".status.containerStatuses.[0].state.waiting.reason")],
        {"statusTemplate": _WAIT},
    ),
    _stage("pod-ends", "Pod", [*_RUNNING, _exists(_ENDS)], {"statusTemplate": _END}, _seconds("run-seconds")),
    _stage(
        "pod-is-disrupted",
        "Pod",
        [*_RUNNING, _exists(_annotation("disruption")), _absent(_DISRUPTED)],
        {"statusTemplate": _DISRUPT},
    ),
    _stage(
        "pod-goes",
        "Pod",
        [_exists(".metadata.deletionTimestamp")],
        {"delete": True},
        _seconds("deletion-seconds"),
    ),
]
