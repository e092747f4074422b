"""
Plan of one RewardService. Pure.

Nothing is remembered: what there should be follows from the spec, and what is there is applied anew where it differs.
A spec that cannot be served changes nothing: the pods of the one before it go on answering.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from atlas_api.condition import Condition
from atlas_api.rewardservice.spec import RewardServiceSpec
from atlas_api.rewardservice.status import JudgeStatus, RewardServiceStatus
from atlas_operator.cluster.decode import read_spec_as, read_status_as
from atlas_operator.cluster.document import Document, identity
from atlas_operator.cluster.drift import differs, is_applied
from atlas_operator.cluster.fields import integer, is_true
from atlas_operator.cluster.ownership import is_owned
from atlas_operator.objects.names import configuration_name, judges_name
from atlas_operator.objects.rewardservice import (
    budget,
    configuration_digest,
    configuration_map,
    deployment,
    judges_map,
    kubernetes_service,
    reporter,
    url,
)
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.rewardservice.conditions import RewardsFacts, conditions
from atlas_operator.rewardservice.display import display
from atlas_operator.rewardservice.judges import outlived, read_judges, read_revision
from atlas_operator.rewardservice.observed import ObservedRewards
from atlas_operator.rewardservice.pending import why_not_ready
from atlas_operator.rewardservice.preconditions import failed_precondition
from atlas_operator.rewardservice.rollout import Rollout, configuration_of, rollout
from atlas_operator.status.plan_types import RECHECK_AFTER, EventNote
from atlas_operator.status.preconditions import FailedPrecondition, Offer
from atlas_rewards.judges.revision import revision_of

PATIENCE = timedelta(seconds=15)
"""The kubelet's events tell why a pod is not ready, and nothing announces them."""


@dataclass(frozen=True, slots=True)
class RewardsPlan:
    """What to do, in this order: create, apply, merge, delete, write the status, post."""

    status: RewardServiceStatus | None
    create: tuple[Document, ...] = ()
    """Children that are made once and never changed."""

    apply: tuple[Document, ...] = ()
    """Children that are made, or changed to be like this."""

    merge: tuple[Document, ...] = ()
    """Changes that are merged into what is there; null removes."""

    delete: tuple[Document, ...] = ()
    events: tuple[EventNote, ...] = ()
    requeue_at: datetime | None = None


def plan(
    observed: ObservedRewards,
    default_image: str | None,
    now: datetime,
    apply_error: FailedPrecondition | None = None,
    allow_code: bool = False,
) -> RewardsPlan:
    """Decide what to do about *observed*. *default_image* is used where `image` is left out; *now* is aware.

    *apply_error* is why the API server refused what the last plan wanted. *allow_code*: pods may run completions as
    code. Deletion needs nothing: the API server collects what the service owns.
    """
    if observed.service["metadata"].get("deletionTimestamp"):
        return RewardsPlan(status=None)
    return _Planner(observed, default_image, now, apply_error, allow_code).execute()


class _Planner:
    """Decisions of one plan. Children of an earlier service of this name do not count."""

    def __init__(
        self,
        observed: ObservedRewards,
        default_image: str | None,
        now: datetime,
        apply_error: FailedPrecondition | None,
        allow_code: bool,
    ) -> None:
        self.service = observed.service
        self.name: str = self.service["metadata"]["name"]
        self.now = now
        read = read_spec_as(RewardServiceSpec, self.service)
        self.spec, self.unknown_fields = read.spec, read.unknown
        self.failed_precondition = failed_precondition(read, Offer(default_image, allow_code)) or apply_error
        self.image = (self.spec.image if self.spec else None) or default_image or ""
        self.before = read_status_as(RewardServiceStatus, self.service)
        self.observed = observed
        self.deployment = self._first(observed.deployments)
        self.kubernetes_service = self._first(observed.services)
        self.budget = self._first(observed.budgets)
        self.config_maps = {
            each["metadata"]["name"]: each for each in observed.config_maps if is_owned(each, self.service)
        }

    def execute(self) -> RewardsPlan:
        if self.spec is None or (self.failed_precondition and self.failed_precondition.final):
            return self._plan(self._as_it_is())
        wanted = deployment(self.service, self.spec, self.image)
        applied = self.deployment is not None and is_applied(wanted, self.deployment)
        state = rollout(
            self.deployment, self.observed.pods, configuration_digest(self.spec), self.spec.replicas, applied
        )
        return self._plan(
            state,
            create=tuple(self._missing(self.spec, applied)),
            apply=tuple(self._changed(self.spec, wanted)),
            merge=tuple(self._outlived()),
            delete=tuple(self._garbage(self.spec, state)),
        )

    def _first(self, documents: tuple[Document, ...]) -> Document | None:
        return next((each for each in documents if is_owned(each, self.service)), None)

    def _as_it_is(self) -> Rollout:
        """The pods of an earlier spec, which go on."""
        wanted = integer(self.deployment, "spec", "replicas") or 0
        ready = integer(self.deployment, "status", "readyReplicas") or 0
        return Rollout(wanted, ready=ready)

    # Children

    def _missing(self, spec: RewardServiceSpec, applied: bool) -> Iterator[Document]:
        """Children to create. The ServiceAccount is not watched: it comes with the Deployment, and when that fails."""
        for document in (configuration_map(self.service, spec), judges_map(self.service)):
            if document["metadata"]["name"] not in self.config_maps:
                yield document
        if not applied or is_true(self.deployment, "ReplicaFailure"):
            yield from reporter(self.service)

    def _changed(self, spec: RewardServiceSpec, wanted: Document) -> Iterator[Document]:
        if self.kubernetes_service is None or differs(kubernetes_service(self.service), self.kubernetes_service):
            yield kubernetes_service(self.service)
        if self.deployment is None or differs(wanted, self.deployment):
            yield wanted
        if spec.replicas > 1 and (self.budget is None or differs(budget(self.service), self.budget)):
            yield budget(self.service)

    def _garbage(self, spec: RewardServiceSpec, state: Rollout) -> Iterator[Document]:
        """Children for garbage collection: a budget without sense, and configurations that no pod reads any more."""
        if spec.replicas == 1 and self.budget is not None:
            yield self.budget
        if self._reports().get("immutable"):  # nobody could report any more: it is made anew
            yield self._reports()
        if not state.complete:
            return
        read = {configuration_of(pod) for pod in self.observed.pods} | {configuration_digest(spec)}
        kept = {configuration_name(self.name, digest) for digest in read} | {judges_name(self.name)}
        yield from (each for name, each in self.config_maps.items() if name not in kept)

    # The story so far

    def _plan(self, state: Rollout, **children: tuple[Document, ...]) -> RewardsPlan:
        judges = self._judges(self.spec, *self.observed.pods) if self.spec else self.before.judges
        facts = RewardsFacts(
            generation=self.service["metadata"].get("generation", 1),
            now=self.now,
            before=self.before.conditions,
            failed_precondition=self.failed_precondition,
            unknown_fields=self.unknown_fields,
            rollout=state,
            pending_reason=self._pending_reason(state),
            judges=judges,
            revision=self._revision(state),
            url=url(self.service),
        )
        told = conditions(facts)
        status = RewardServiceStatus(
            observed_generation=facts.generation,
            conditions=told,
            url=facts.url if self.deployment else self.before.url,
            revision=facts.revision,
            replicas=state.wanted,
            ready_replicas=state.ready,
            judges=judges,
            display=display(state, judges, told),
        )
        events = tuple(self._events(facts, told))
        return RewardsPlan(status, events=events, requeue_at=self._requeue_at(state), **children)

    def _judges(self, spec: RewardServiceSpec, *pods: Document) -> tuple[JudgeStatus, ...]:
        return read_judges(self._reports(), pods, [judge.name for judge in spec.judges])

    def _revision(self, state: Rollout) -> str | None:
        """Revision that the pods report: an image of another version may score otherwise."""
        if self.spec is None or not state.complete:
            return self.before.revision
        return read_revision(self._reports(), self.observed.pods) or revision_of(self.spec)

    def _reports(self) -> Document:
        """The ConfigMap that the pods report to."""
        return self.config_maps.get(judges_name(self.name), {})

    def _outlived(self) -> Iterator[Document]:
        """Removal of what pods reported that are gone, and of what no report is."""
        reports = self._reports()
        change: Document = {}
        if gone := outlived(reports, self.observed.pods):
            change["data"] = dict.fromkeys(gone)
        if reports.get("binaryData"):
            change["binaryData"] = None
        if change and not reports.get("immutable"):
            yield {**identity(reports), **change}

    def _pending_reason(self, state: Rollout) -> PendingReason | None:
        """Why the roll-out is not complete. Pods of older configurations are left out: their troubles go with them."""
        if self.spec is None or self.deployment is None or state.complete:
            return None
        digest = configuration_digest(self.spec)
        newest = [pod for pod in self.observed.pods if configuration_of(pod) == digest]
        return why_not_ready(self.deployment, newest, self.observed.events, partial(self._judges, self.spec))

    def _events(self, facts: RewardsFacts, told: Sequence[Condition]) -> Iterator[EventNote]:
        """A Warning for each new thing that somebody must mend, a word when it answers, and when it no longer does."""
        was = {each.type: each for each in self.before.conditions}
        now = {each.type: each for each in told}
        ready, before = now["Ready"], was.get("Ready")
        was_ready = before is not None and before.status == "True"
        if ready.status == "True" and not was_ready:
            yield EventNote("Normal", "Ready", ready.message)
        if ready.status != "False":
            return
        stalled = now["Stalled"].status == "True"
        is_mistake = stalled or bool(
            facts.failed_precondition or (facts.pending_reason and facts.pending_reason.is_mistake)
        )
        is_new = before is None or before.reason != ready.reason or (stalled and was["Stalled"].status != "True")
        if is_mistake and is_new:
            yield EventNote("Warning", ready.reason, ready.message)
        elif was_ready:
            yield EventNote("Normal", ready.reason, ready.message)

    def _requeue_at(self, state: Rollout) -> datetime | None:
        if self.failed_precondition:
            return None if self.failed_precondition.final else self.now + RECHECK_AFTER
        return None if state.complete else self.now + PATIENCE
