"""
Index of the trainings that wait for a RewardService, so that they are looked at as soon as one answers. Pure.

The watches keep it up to date. It only saves time: a training that waits looks by itself too, and what it may do then
is decided by its plan.
"""

from atlas_operator.cluster.document import Document, Key
from atlas_operator.cluster.fields import mapping
from atlas_operator.rewardservice.served import Served, served


class Dependents:
    """Trainings that wait, over all namespaces."""

    def __init__(self) -> None:
        self._keys: set[Key] = set()

    def update(self, training: Key, document: Document) -> None:
        """Note whether *training* waits, as the status in its *document* says."""
        if "waitingSince" in mapping(document, "status", "run"):
            self._keys.add(training)
        else:
            self.forget(training)

    def forget(self, training: Key) -> None:
        """Drop *training*, which was deleted or waits no more."""
        self._keys.discard(training)

    def woken_by(self, service: Key, document: Document) -> list[Key]:
        """Trainings that may go on now that the RewardService is *document*. None while it is not Ready.

        All of its namespace: a run may wait for another service than its newest spec names.
        """
        if not isinstance(served(document), Served):
            return []
        return sorted((key for key in self._keys if key.namespace == service.namespace), key=lambda key: key.name)
