"""What is left of a training or RewardService that was deleted, on any cluster."""

from contextlib import suppress

from cluster.kubectl import Kubectl
from cluster.programs.processes import ClusterError, wait_until

_KINDS = (
    "pytorchjobs,deployments,replicasets,pods,services,poddisruptionbudgets,configmaps,serviceaccounts,roles,"
    "rolebindings,networkpolicies,secrets"
)


def assert_nothing_is_left(kubectl: Kubectl, label: str) -> None:
    """Of all objects with *label*; those that are just going may take their time."""
    left = ["not asked yet"]

    def gone() -> bool:
        left[:] = kubectl.run("get", _KINDS, "-l", label, "-o", "name").split()
        return not left

    with suppress(ClusterError):
        wait_until("nothing is left", gone, state=lambda: list(left))
    assert left == []
