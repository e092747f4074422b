"""
Which trainings wait for a RewardService, so that they are looked at as soon as one answers. Pure; kept by `operation`.

Told of everything that the watches see. It only saves time: a training that waits looks by itself too, and what it may
do then is decided by `plan`.
"""

from atlas_operator.cluster.fields import mapping
from atlas_operator.cluster.observed import Document, Key
from atlas_operator.rewardservice.served import Served, served


class Waiting:
    """Trainings that wait, over all namespaces."""

    def __init__(self) -> None:
        self._keys: set[Key] = set()

    def seen(self, training: Key, document: Document) -> None:
        """A training as it is now. Its status says whether it waits."""
        if "waitingSince" in mapping(document, "status", "run"):
            self._keys.add(training)
        else:
            self.gone(training)

    def gone(self, training: Key) -> None:
        """It was deleted."""
        self._keys.discard(training)

    def woken_by(self, service: Key, document: Document) -> list[Key]:
        """Who may go on now that the RewardService is *document*. Nobody while it is not Ready.

        All of its namespace: a run may wait for another service than its newest spec names.
        """
        if not isinstance(served(document), Served):
            return []
        return sorted((key for key in self._keys if key.namespace == service.namespace), key=lambda key: key.name)
