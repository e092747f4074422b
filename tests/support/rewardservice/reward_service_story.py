"""One RewardService on a control plane through its life; kwok plays its pods, which are ready when they run."""

from collections.abc import Callable

from cluster.kubectl import Document, Kubectl
from support.rewardservice.reward_services import reward_service
from support.training.cluster_trainings import condition

from atlas_operator.cluster.labels import REWARDS

NAME = "judges"
SERVING = "judges-rewards"
"""Name of its Deployment, Service, disruption budget and account."""

_KINDS = "deployments,replicasets,pods,services,poddisruptionbudgets,configmaps,serviceaccounts,roles,rolebindings"


def seen(kubectl: Kubectl, holds: Callable[[Document], bool], what: str) -> Document:
    """The service, once *holds*; the wait says what it waited for."""
    found = kubectl.wait_for("rewardservice", NAME, lambda one: one is not None and holds(one), what)
    assert found is not None
    return found


def is_ready(service: Document) -> bool:
    """Whether *service* is ready, as `kubectl wait` decides."""
    ready = condition(service, "Ready")
    generation = service["metadata"]["generation"]
    return ready.get("status") == "True" and ready["observedGeneration"] == generation


def start(kubectl: Kubectl, **spec: object) -> Document:
    """A service that is Ready. Keywords replace whole parts of its spec."""
    kubectl.create(reward_service(NAME, **spec))
    return seen(kubectl, is_ready, "readiness")


def reason_is(reason: str) -> Callable[[Document], bool]:
    """Whether this is the reason of its condition Ready."""
    return lambda service: bool(condition(service, "Ready").get("reason") == reason)


def pods(kubectl: Kubectl) -> list[Document]:
    """Pods of the service that stay."""
    return [pod for pod in kubectl.items("pods", REWARDS) if "deletionTimestamp" not in pod["metadata"]]


def resource_versions(kubectl: Kubectl) -> dict[str, str]:
    """Resource versions of the service and all its objects, as kind/name."""
    found = [kubectl.get("rewardservice", NAME), *kubectl.items(_KINDS, REWARDS)]
    return {f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in found}
