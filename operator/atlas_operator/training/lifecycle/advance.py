"""Progress of the run that is live: watch its newest attempt, stop it, resume it, or finish it."""

from datetime import datetime

from atlas_api.training.status import Stopping, StopReason
from atlas_operator.backends import BACKEND
from atlas_operator.cluster.document import Document
from atlas_operator.failures.attempt import Success
from atlas_operator.objects.join_secret import join_secret
from atlas_operator.objects.run import progress_map
from atlas_operator.status.plan_types import RECHECK_AFTER
from atlas_operator.training.context import PlanContext
from atlas_operator.training.deadlines import overdue
from atlas_operator.training.lifecycle.finish import close_attempt, fail_attempt, finish_attempt, finish_run
from atlas_operator.training.lifecycle.start import start_attempt, start_next_attempt
from atlas_operator.training.lifecycle.unwanted import unwanted


def advance(context: PlanContext) -> None:
    """Watch, stop, resume, retry or finish the live run's newest attempt."""
    if context.run.paused:
        _resume_if_asked(context)
    elif context.run.stopping:
        _keep_stopping(context, context.run.stopping)
    elif context.run.retry_at:
        _retry_if_due(context, context.run.retry_at)
    elif context.attempt.job:
        _watch(context, context.attempt.job)
    elif context.attempt.has_live_pods:
        context.wait_for_pods()
    elif context.run.job_uid is None:
        _start_if_wanted(context)
    else:
        finish_attempt(context, context.attempt.result())


def _resume_if_asked(context: PlanContext) -> None:
    if context.spec is None or context.spec.suspend:
        return
    stop = _unwanted(context)
    if stop and stop[0] == "Replaced":
        finish_run(context, "Replaced", *stop)
    else:
        context.event("Normal", "Resumed", f"run {context.run.number} goes on from its last checkpoint")
        start_next_attempt(context)


def _keep_stopping(context: PlanContext, stopping: Stopping) -> None:
    if context.attempt.job:
        context.delete.append(context.attempt.job)
        context.wait("the job to go away")
    elif context.attempt.has_live_pods:
        context.wait_for_pods()
    elif isinstance(result := context.attempt.result(), Success):
        finish_attempt(context, result)
    else:
        _stopped(context, stopping.reason, stopping.message)


def _retry_if_due(context: PlanContext, at: datetime) -> None:
    if stop := _unwanted(context):
        _stopped(context, *stop)
    elif context.now >= at:
        start_next_attempt(context)
    else:
        context.requeue_at.append(at)


def _start_if_wanted(context: PlanContext) -> None:
    """Start an attempt that was decided and whose job was never seen, unless nobody wants it any more."""
    if stop := _unwanted(context):
        _stopped(context, *stop)
    else:
        start_attempt(context)


def _watch(context: PlanContext, job: Document) -> None:
    is_new = context.run.job_uid != job["metadata"]["uid"]
    context.set(job_uid=job["metadata"]["uid"])
    if context.attempt.ended:
        if context.attempt.has_live_pods:
            context.wait_for_pods()
        else:
            finish_attempt(context, context.attempt.result())
        return
    if is_new or context.attempt.state in ("Unseen", "Starting"):
        _ensure_join_secret(context, job)
    _mend_progress_map(context)
    if context.attempt.state in ("Queued", "Suspending") and context.run.running_at:
        close_attempt(context)
        context.set(attempt_at=context.now)
    if context.attempt.state == "Running" and context.run.running_at is None:
        context.set(running_at=context.attempt.running_since() or context.now)
        context.event("Normal", "Training", f"run {context.run.number}, attempt {context.run.attempt} is training")
    pending = context.attempt.pending_reason()
    is_blocked = pending is not None and pending.is_mistake
    context.set(blocked_since=(context.run.blocked_since or context.now) if is_blocked else None)
    if context.attempt.state in ("Unseen", "Starting"):  # what stands in the way may be told by events alone
        context.requeue_at.append(context.now + RECHECK_AFTER)
    if stop := _unwanted(context) or _overdue(context):
        _stop(context, *stop)


def _ensure_join_secret(context: PlanContext, job: Document) -> None:
    """Make the Secret that the pods wait for. Whether it is there cannot be asked: it is made until all of them run."""
    if BACKEND.asks_for_join_secret(job) and not context.failed_precondition:
        context.create.append(join_secret(context.training, job))


def _mend_progress_map(context: PlanContext) -> None:
    """Make the ConfigMap that the trainer reports to anew where it is gone, or where it can be changed no more."""
    found = context.attempt.progress_map
    if found is None and not context.failed_precondition:
        context.create.append(progress_map(context.training, context.run.number))
    if found and found.get("immutable"):
        context.delete.append(found)


def _unwanted(context: PlanContext) -> tuple[StopReason, str] | None:
    """Why the attempt should go: for a spec that cannot be started, only to rest."""
    stop = unwanted(context.spec, context.run) if context.spec else None
    failed = context.failed_precondition
    cannot_start = failed is not None and failed.final
    return None if stop and cannot_start and stop[0] != "Suspended" else stop


def _overdue(context: PlanContext) -> tuple[StopReason, str] | None:
    attempt = context.attempt
    late, again_at = overdue(
        context.limits, context.run, attempt.scheduled_at(), attempt.sign_of_life_at(context.now), context.now
    )
    if again_at:
        context.requeue_at.append(again_at)
    if late is None:
        return None
    pending = attempt.pending_reason()
    return late.reason, f"{late.message}: {pending.message}" if pending else late.message


def _stop(context: PlanContext, reason: StopReason, message: str) -> None:
    """Delete the job, which asks its pods for a checkpoint (SIGTERM, with a long grace period)."""
    context.set(stopping=Stopping(reason=reason, since=context.now, message=message))
    context.event("Normal", "Stopping", f"run {context.run.number} is asked for a checkpoint and stopped: {message}")
    if context.attempt.job:
        context.delete.append(context.attempt.job)
    context.wait("the job to go away")


def _go_on(context: PlanContext) -> None:
    """Start the next attempt on other pods, unless the spec wants something else by now."""
    stop = _unwanted(context)
    if stop and stop[0] != "Moved":
        _stopped(context, *stop)
    else:
        start_next_attempt(context)


def _stopped(context: PlanContext, reason: StopReason, message: str) -> None:
    """Decide what follows an attempt that was stopped and is gone, with a checkpoint if it came to one."""
    close_attempt(context)
    match reason:
        case "Suspended":
            context.set(paused=True)
            context.event("Normal", "Suspended", f"run {context.run.number} is suspended")
        case "Replaced":
            finish_run(context, "Replaced", reason, message)
        case "Moved":
            _go_on(context)
        case "Stalled":
            fail_attempt(context, "infrastructure", reason, message)
        case "StartTimeout":
            fail_attempt(context, "user", reason, message)
        case "QueueTimeout" | "RunTimeout":
            finish_run(context, "Failed", reason, message)
