"""What is left of a training or RewardService that was deleted, on any cluster."""

import time

from cluster.kubectl import Kubectl

_KINDS = (
    "pytorchjobs,deployments,replicasets,pods,services,poddisruptionbudgets,configmaps,serviceaccounts,roles,"
    "rolebindings"
)


def assert_nothing_is_left(kubectl: Kubectl, label: str, seconds: float = 60) -> None:
    """Of all objects with *label*; those that are just going have *seconds* for it."""

    def left() -> list[str]:
        return kubectl.run("get", _KINDS, "-l", label, "-o", "name").split()

    deadline = time.monotonic() + seconds
    while left() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert left() == []
