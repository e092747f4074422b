"""What to do about the run that is live: watch its newest attempt, stop it, or conclude it. Called by `plan`."""

from datetime import datetime

from atlas_api.training.status import Stopping, StopReason
from atlas_operator.cluster.observed import Document
from atlas_operator.failures.attempt import Success
from atlas_operator.objects.run import progress_map
from atlas_operator.status.plan_types import HINDRANCE_PATIENCE
from atlas_operator.training.context import Look
from atlas_operator.training.deadlines import overdue
from atlas_operator.training.lifecycle.finish import attempt_over, conclude, fail, finish
from atlas_operator.training.lifecycle.start import begin_next_attempt, make_attempt
from atlas_operator.training.triggers import unwanted


def advance(look: Look) -> None:
    """Watch, stop, resume, retry or conclude the live run's newest attempt."""
    if look.run.paused:
        _resume_if_asked(look)
    elif look.run.stopping:
        _keep_stopping(look, look.run.stopping)
    elif look.run.retry_at:
        _retry_if_due(look, look.run.retry_at)
    elif look.attempt.job:
        _watch(look, look.attempt.job)
    elif look.attempt.has_live_pods:
        look.wait_for_pods()
    elif look.run.job_uid is None:
        _start_attempt(look)
    else:
        conclude(look, look.attempt.ending())


def _resume_if_asked(look: Look) -> None:
    if look.spec is None or look.spec.suspend:
        return
    stop = _unwanted(look)
    if stop and stop[0] == "Replaced":
        finish(look, "Replaced", *stop)
    else:
        look.note("Normal", "Resumed", f"run {look.run.number} goes on from its last checkpoint")
        begin_next_attempt(look)


def _keep_stopping(look: Look, stopping: Stopping) -> None:
    if look.attempt.job:
        look.delete.append(look.attempt.job)
        look.wait("the job to go away")
    elif look.attempt.has_live_pods:
        look.wait_for_pods()
    elif isinstance(result := look.attempt.ending(), Success):
        conclude(look, result)
    else:
        _stopped(look, stopping.reason, stopping.message)


def _retry_if_due(look: Look, at: datetime) -> None:
    if stop := _unwanted(look):
        _stopped(look, *stop)
    elif look.now >= at:
        begin_next_attempt(look)
    else:
        look.looks.append(at)


def _start_attempt(look: Look) -> None:
    """The attempt is decided, and its job was never seen: make it, unless nobody wants it any more."""
    if stop := _unwanted(look):
        _stopped(look, *stop)
    else:
        make_attempt(look)


def _watch(look: Look, job: Document) -> None:
    look.set(job_uid=job["metadata"]["uid"])
    if look.attempt.ended:
        if look.attempt.has_live_pods:
            look.wait_for_pods()
        else:
            conclude(look, look.attempt.ending())
        return
    if look.attempt.progress_map is None and not look.refusal:
        look.create.append(progress_map(look.training, look.run.number))
    if look.attempt.state in ("Queued", "Suspending") and look.run.running_at:
        attempt_over(look)
        look.set(attempt_at=look.now)
    if look.attempt.state == "Running" and look.run.running_at is None:
        look.set(running_at=look.attempt.running_since() or look.now)
        look.note("Normal", "Training", f"run {look.run.number}, attempt {look.run.attempt} is training")
    if look.attempt.state in ("Unseen", "Starting"):  # what stands in the way may be told by events alone
        look.looks.append(look.now + HINDRANCE_PATIENCE)
    if stop := _unwanted(look) or _overdue(look):
        _stop(look, *stop)


def _unwanted(look: Look) -> tuple[StopReason, str] | None:
    """Why the attempt should go. For a spec that cannot be started only to rest."""
    stop = unwanted(look.spec, look.run) if look.spec else None
    refused = look.refusal is not None and look.refusal.final
    return None if stop and refused and stop[0] != "Suspended" else stop


def _overdue(look: Look) -> tuple[StopReason, str] | None:
    attempt = look.attempt
    late, again_at = overdue(look.limits, look.run, attempt.scheduled_at(), attempt.sign_of_life_at(), look.now)
    if again_at:
        look.looks.append(again_at)
    if late is None:
        return None
    diagnosis = attempt.diagnosis()
    return late.reason, f"{late.message}: {diagnosis.message}" if diagnosis else late.message


def _stop(look: Look, reason: StopReason, message: str) -> None:
    """Deleting the job asks its pods for a checkpoint (SIGTERM, with a long grace period)."""
    look.set(stopping=Stopping(reason=reason, since=look.now, message=message))
    look.note("Normal", "Stopping", f"run {look.run.number} is asked for a checkpoint and stopped: {message}")
    if look.attempt.job:
        look.delete.append(look.attempt.job)
    look.wait("the job to go away")


def _go_on(look: Look) -> None:
    """The next attempt follows on other pods, unless the spec wants something else by now."""
    stop = _unwanted(look)
    if stop and stop[0] != "Moved":
        _stopped(look, *stop)
    else:
        begin_next_attempt(look)


def _stopped(look: Look, reason: StopReason, message: str) -> None:
    """The attempt is gone, with a checkpoint if it came to one."""
    attempt_over(look)
    match reason:
        case "Suspended":
            look.set(paused=True)
            look.note("Normal", "Suspended", f"run {look.run.number} is suspended")
        case "Replaced":
            finish(look, "Replaced", reason, message)
        case "Moved":
            _go_on(look)
        case "Stalled":
            fail(look, "infrastructure", reason, message)
        case "StartTimeout":
            fail(look, "user", reason, message)
        case "QueueTimeout" | "RunTimeout":
            finish(look, "Failed", reason, message)
