"""The operator in a simulated cluster. What always holds is checked at every look, see `plan_rules`."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from support.training.plan_rules import PlanRules
from support.training.simulated_cluster import SimulatedCluster

from atlas_api.training.status import AtlasTrainingStatus
from atlas_operator.cluster.document import Document
from atlas_operator.cluster.status_writer import wire
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_operator.training.observed import Observed
from atlas_operator.training.plan import Plan, plan


class WatchedOperator:
    """Looks at the training of a cluster, and carries out what `plan` says as `reconcile` does."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        self.rules = PlanRules(cluster)
        self.looks = 0
        self.last = Plan(status=None)
        """What was planned at the last look."""

        self.look_at: datetime | None = None
        """When the operator looks again, whatever happens."""

        self._seen = -1
        """The version of the store at the last look."""

    @property
    def is_due(self) -> bool:
        """Whether the operator looks by itself now."""
        is_time = self.look_at is not None and self.look_at <= self.cluster.store.now
        return is_time or self._seen != self.cluster.store.version

    def look(self, crash_after: int | None = None, apply_error: FailedPrecondition | None = None) -> None:
        """Reconcile the training once, hindered by something or not; *crash_after* so many steps, where it is given."""
        was_due, self._seen = self.is_due, self.cluster.store.version
        training = self.cluster.training
        if training is None:
            self.look_at = None
            return
        self.looks += 1
        self.last = self._plan(training, apply_error)
        if self.last.status is None:
            self.look_at = None
            return
        self.rules.check_plan(training, self.last, self.last.status, was_due)
        steps = self._steps(training, self.last.status)
        for step in steps[:crash_after]:
            step()
        self.rules.check_writers()
        if crash_after is not None and crash_after < len(steps):
            self._seen, self.look_at = -1, None  # it starts again, and looks at everything
            return
        self.look_at = self.last.requeue_at
        self.rules.check_deadlines(training)

    def _plan(self, training: Document, apply_error: FailedPrecondition | None) -> Plan:
        self.rules.recognize(training)
        observed = self.cluster.observed(training)
        planned = self._plan_for(observed, apply_error)
        if planned.status is None or self.cluster.refused not in {each["kind"] for each in planned.create}:
            return planned
        # The status is written, then the API server refuses a child.
        self.rules.check_plan(training, planned, planned.status)
        self._write(training, planned.status)
        return self._plan_for(
            observed, FailedPrecondition("Refused", "the API server refuses a child of the run", final=False)
        )

    def _plan_for(self, observed: Observed, apply_error: FailedPrecondition | None) -> Plan:
        cluster = self.cluster
        return plan(observed, cluster.default_image, cluster.store.now, apply_error, cluster.allow_code)

    def _steps(self, training: Document, status: AtlasTrainingStatus) -> list[Callable[[], None]]:
        return [
            partial(self._write, training, status),
            *(partial(self.cluster.store.create, document) for document in self.last.create),
            *(partial(self.cluster.delete, document) for document in self.last.delete),
        ]

    def _write(self, training: Document, status: AtlasTrainingStatus) -> None:
        written = wire(status)
        if training["status"] != written:
            training["status"] = written
            self.cluster.store.version += 1
        self.rules.remember(training, status)
