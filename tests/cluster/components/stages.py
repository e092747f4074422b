"""The stages that kwok takes simulated nodes and pods through: when, after how long, and to which status.

kwok.py hands them to kwok and says for tests what they do. Conditions are jq paths, statuses are Go templates.
"""

from typing import Any

from cluster.kubectl import Document

PREFIX = "test.atlas/"


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
STAGES = [
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
