"""
Plan of one AtlasTraining: all behaviour of the operator starts here, and it is pure.

The status says which run and attempt there should be; children are made after it, under names that follow from it, so
that a crash at any point is repaired by the next look:

    live run        watch the attempt -> stop it (suspend, replace, move, deadline) or finish it (`lifecycle.advance`)
    no live run     a cause (`triggers`) starts the next one (`lifecycle.start`)
    always          garbage collection: children that nobody needs any more are deleted (`cleanup`)

One attempt is live at a time: nothing is created while a job or pod of another one may still write.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from atlas_api.training.status import AtlasTrainingStatus, Trigger
from atlas_operator.cluster.document import Document
from atlas_operator.pending.reasons import PendingReason
from atlas_operator.status.plan_types import EventNote
from atlas_operator.status.preconditions import FailedPrecondition
from atlas_operator.training.cleanup import garbage
from atlas_operator.training.conditions import Facts, conditions, phase
from atlas_operator.training.context import PlanContext
from atlas_operator.training.display import display
from atlas_operator.training.history import fitting
from atlas_operator.training.lifecycle.advance import advance
from atlas_operator.training.lifecycle.start import start_run_if_due
from atlas_operator.training.observed import Observed, told_apart
from atlas_operator.training.triggers import follower

GRACE = timedelta(seconds=15)
"""Time in which an attempt meets most of what keeps it from running, before `readyWhen: Accepted` calls it Ready."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do about a training. `reconcile` says in which order."""

    status: AtlasTrainingStatus | None
    create: tuple[Document, ...] = ()
    delete: tuple[Document, ...] = ()
    events: tuple[EventNote, ...] = ()
    requeue_at: datetime | None = None
    """When to look again although no watch announced a change."""


def plan(
    observed: Observed,
    default_image: str | None,
    now: datetime,
    apply_error: FailedPrecondition | None = None,
    allow_code: bool = False,
) -> Plan:
    """Decide what to do about *observed*. *default_image* is used where `compute.image` is left out; *now* is aware.

    *apply_error* is why the API server refused what the last plan wanted to create. *allow_code*: pods may run
    completions as code. Deletion needs nothing: the API server collects what the training owns.
    """
    if observed.training["metadata"].get("deletionTimestamp"):
        return Plan(status=None)
    context = PlanContext(told_apart(observed), default_image, now, apply_error, allow_code)
    if context.is_live:
        context.status = context.status.model_copy(update=context.attempt.reported_fields())
        advance(context)
    if not context.is_live:
        start_run_if_due(context)
    context.delete += garbage(context.observed, context.newest)
    pending = context.attempt.pending_reason() if context.is_live else None
    _announce_blocker(context, pending)
    return Plan(
        status=_status(context, pending),
        create=tuple(context.create),
        delete=tuple(each for each in context.delete if not each["metadata"].get("deletionTimestamp")),
        events=tuple(context.events),
        requeue_at=min(context.requeue_at, default=None),
    )


def _status(context: PlanContext, pending: PendingReason | None) -> AtlasTrainingStatus:
    grace_ends_at = _grace_ends_at(context)
    context.requeue_at += [grace_ends_at] if grace_ends_at else []
    facts = Facts(
        generation=context.metadata.get("generation", 1),
        now=context.now,
        before=context.before.conditions,
        spec=context.spec,
        failed_precondition=_blocker(context),
        run=context.newest,
        state=context.attempt.state,
        ending=context.attempt.is_ending,
        unknown_fields=context.unknown_fields,
        pending_reason=pending,
        in_grace=grace_ends_at is not None,
        waiting_for=context.waiting_for,
        next_trigger=_next_trigger(context),
        model=context.status.model,
    )
    changes = {
        "observed_generation": facts.generation,
        "history": context.status.history[: context.spec.history_limit] if context.spec else context.status.history,
        "run": context.newest,
        "phase": phase(facts),
        "message": _message(context),
        "conditions": conditions(facts),
    }
    status = context.status.model_copy(update=changes)
    return fitting(status.model_copy(update={"display": display(status, context.spec)}))


def _next_trigger(context: PlanContext) -> Trigger | None:
    """Why another run follows the live one, as far as can be said now."""
    if context.spec is None or context.failed_precondition or not context.is_live:
        return None
    return follower(context.circumstances(context.spec), context.run)


def _announce_blocker(context: PlanContext, pending: PendingReason | None) -> None:
    """Post an event when something that somebody must mend begins to stand in the way."""
    before = {(each.type, each.reason) for each in context.before.conditions}
    blocker = _blocker(context)
    if blocker and ("Accepted", blocker.reason) not in before:
        context.event("Warning", blocker.reason, blocker.message)
    elif pending and pending.is_mistake and ("Running", pending.reason) not in before:
        context.event("Warning", pending.reason, pending.message)


def _grace_ends_at(context: PlanContext) -> datetime | None:
    """The moment until which the attempt may still meet what only the cluster knows: quotas, images, Secrets.

    None where it runs or has a place in a queue, and where a run of this spec was Ready before: retries are no news.
    """
    if not context.is_live or context.waiting_for or context.attempt.state in ("Queued", "Running"):
        return None
    generation = context.metadata.get("generation", 1)
    ready = next((each for each in context.before.conditions if each.type == "Ready"), None)
    if ready is not None and ready.status == "True" and ready.observed_generation == generation:
        return None
    end = (context.run.attempt_at or context.run.started_at) + GRACE
    return end if context.now < end else None


def _blocker(context: PlanContext) -> FailedPrecondition | None:
    """The precondition that fails where it matters: a wrong spec always, what a run needs only while one is wanted."""
    if context.waits_for_upgrade:
        return context.waits_for_upgrade
    failed = context.failed_precondition
    matters = failed is not None and (failed.final or context.is_live or context.is_blocked)
    return failed if matters else None


def _message(context: PlanContext) -> str | None:
    """What went wrong, while that is the newest thing to say."""
    run = context.newest
    return run.message if run and (run.finished_at or run.retry_at) else None
