"""
Pending reasons of a RewardService: why it does not answer with all its pods, in plain words. Pure.

The readiness probe of a pod is the quorum of its judges: one that runs and is not ready has judges that do not answer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from atlas_api.rewardservice.status import JudgeStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.fields import condition, integer, is_true, items, mapping, name_of, string
from atlas_operator.pending.pod import SpecFields, pending_cause
from atlas_operator.pending.pod_creation import pods_refused
from atlas_operator.pending.reasons import PendingCause, PendingReason, Severity, is_about
from atlas_operator.rewardservice.judges import failing
from atlas_operator.rewardservice.rollout import is_going, is_ready
from atlas_operator.status import wording

Judges = Callable[[Document], Sequence[JudgeStatus]]
"""What a pod itself reports of its judges."""

_FIELDS = SpecFields(
    image="spec.image",
    pull="check spec.image, that the node reaches the registry, and spec.imagePullSecrets",
    resources="spec.resources",
    gpus="spec.resources",
    disk="spec.resources",
    taints="name them in spec.tolerations",
    placement="correct spec.nodeSelector",
    spread="spec.topologySpreadConstraints",
)


def why_not_ready(
    deployment: Document, pods: Iterable[Document], events: Sequence[Document], judges: Judges
) -> PendingReason | None:
    """Say what keeps *pods* of *deployment* from answering; what somebody has to mend first. None: nothing but time.

    *events*, oldest first, may be about anything.
    """
    waiting = [pod for pod in pods if not is_going(pod) and not is_ready(pod)]
    causes = [each for pod in waiting if (each := _cause(pod, [one for one in events if is_about(one, pod)], judges))]
    causes += _of_the_deployment(deployment)
    first = min(causes, key=lambda each: each.severity, default=None)
    if first is None:
        return None
    same = sum(each.reason == first.reason for each in causes)
    counted = f"{same} pods: " if same > 1 else ""
    return PendingReason(
        first.reason, wording.message(counted + first.message), is_mistake=first.severity is Severity.MISTAKE
    )


def _cause(pod: Document, events: Sequence[Document], judges: Judges) -> PendingCause | None:
    if string(pod, "status", "phase") != "Running":
        return pending_cause(pod, events, _FIELDS)
    crash = next(_crashes(pod), None)
    return crash or _not_ready(pod, events, judges(pod))


def _crashes(pod: Document) -> Iterator[PendingCause]:
    for container in items(pod, "status", "containerStatuses"):
        end = mapping(container, "state", "terminated")
        if string(container, "state", "waiting", "reason") == "CrashLoopBackOff":
            end = mapping(container, "lastState", "terminated")
        if not end:
            continue
        words = string(end, "message") or string(end, "reason") or "see its log"
        often = "ends again and again," if integer(container, "restartCount") else "ended"
        message = f"pod {name_of(pod)} {often} with exit code {integer(end, 'exitCode')}: {words}"
        yield PendingCause(Severity.MISTAKE, "Crashing", message)


def _not_ready(pod: Document, events: Sequence[Document], judges: Sequence[JudgeStatus]) -> PendingCause:
    name = name_of(pod)
    silent = ", ".join(f"{judge.name} ({judge.reason})" if judge.reason else judge.name for judge in failing(judges))
    if silent:
        message = f"pod {name} runs, and these judges do not answer: {silent}; check models, keys and quotas"
        return PendingCause(Severity.HELD, "JudgesFailing", message)
    probe = next((each for each in reversed(events) if string(each, "reason") == "Unhealthy"), None)
    if probe is None:
        return PendingCause(
            Severity.PASSING, "Starting", f"pod {name} runs; its judges have not answered the probe yet"
        )
    message = f"pod {name} runs and is not ready, so too few judges answer: {string(probe, 'message')}"
    return PendingCause(Severity.HELD, "ProbeFailing", message)


def _of_the_deployment(deployment: Document) -> Iterator[PendingCause]:
    if is_true(deployment, "ReplicaFailure"):
        yield pods_refused(string(condition(deployment, "ReplicaFailure"), "message"), name_of(deployment))
