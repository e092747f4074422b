"""
Reconcile context of one AtlasTraining: what was observed, and what is decided so far.

`plan` makes it and reads it out; the modules of `lifecycle` change it.
"""

from datetime import datetime, timedelta
from typing import Any

from atlas_api import AtlasTrainingSpec
from atlas_api.training.limits import Limits
from atlas_api.training.retrain import RETRAIN_AT
from atlas_api.training.status import RunStatus
from atlas_operator.cluster.decode import read_spec_as
from atlas_operator.cluster.document import Document
from atlas_operator.status.plan_types import EventNote, EventType
from atlas_operator.status.preconditions import FailedPrecondition, Offer
from atlas_operator.training.attempt import attempt_of
from atlas_operator.training.observed import Observed
from atlas_operator.training.preconditions import failed_precondition
from atlas_operator.training.recovery import recover_status
from atlas_operator.training.triggers import Circumstances

PATIENCE = timedelta(seconds=30)
"""How long to wait for something that a watch should announce, before looking again anyway."""

RETRAIN_AT_LIMIT = 253
"""Number of characters of the annotation that count: as many as `status.lastHandledRetrainAt` holds."""


class PlanContext:
    """Observations and decisions of one plan.

    `status`, `newest` and `attempt` follow the decisions; everything else was observed, or is to be done.
    """

    def __init__(
        self,
        observed: Observed,
        default_image: str | None,
        now: datetime,
        apply_error: FailedPrecondition | None,
        allow_code: bool,
    ) -> None:
        self.observed = observed
        self.training = observed.training
        self.metadata = observed.training["metadata"]
        self.now = now
        read = read_spec_as(AtlasTrainingSpec, self.training)
        self.spec, self.unknown_fields = read.spec, read.unknown
        offer = Offer(default_image, allow_code, observed.backend_served)
        self.failed_precondition = failed_precondition(read, offer) or apply_error
        self.default_image = default_image
        self.allow_code = allow_code
        self.retrain_at = self.metadata.get("annotations", {}).get(RETRAIN_AT, "")[:RETRAIN_AT_LIMIT]
        self.before = self.status = recover_status(observed, self.retrain_at)
        self.newest = self.before.run
        self.attempt = attempt_of(observed, self.newest)
        self.create: list[Document] = []
        self.delete: list[Document] = []
        self.events: list[EventNote] = []
        self.requeue_at: list[datetime] = []
        self.waiting_for: str | None = None
        self.waits_for_upgrade: FailedPrecondition | None = None
        """A run is due, and its spec has fields that only a newer operator knows."""

        self.is_blocked = False
        """Whether a run is due, and something stands in its way."""

    @property
    def run(self) -> RunStatus:
        """The newest run, where there is one."""
        assert self.newest is not None, "asked only once there is a run"  # noqa: S101
        return self.newest

    @property
    def is_live(self) -> bool:
        """Whether the newest run has not ended."""
        return self.newest is not None and self.newest.finished_at is None

    @property
    def limits(self) -> Limits:
        """Limits of the newest spec; the defaults while it cannot be read."""
        return self.spec.limits if self.spec else Limits()

    def circumstances(self, spec: AtlasTrainingSpec) -> Circumstances:
        """What triggers are asked about, for *spec*."""
        handled = self.status.last_handled_retrain_at
        return Circumstances(self.now, spec, self.newest, self.retrain_at, handled)

    def set(self, **changes: Any) -> None:
        """Change fields of the newest run."""
        self.newest = self.run.model_copy(update=changes)

    def event(self, kind: EventType, reason: str, message: str) -> None:
        """Post an event once the plan is carried out."""
        self.events.append(EventNote(kind, reason, message))

    def wait_for_pods(self) -> None:
        """Wait until nothing of the attempt may write any more."""
        self.wait(self.attempt.pods_to_end(self.now))
        overdue = self.attempt.pods_overdue_at(self.now)
        self.requeue_at += [overdue] if overdue else []

    def wait(self, what: str) -> None:
        """Wait for *what*, to be read after "waiting for"."""
        self.waiting_for = what
        self.requeue_at.append(self.now + PATIENCE)
