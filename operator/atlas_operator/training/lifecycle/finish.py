"""End of an attempt, and of a run with it: success, retry, failure."""

from datetime import timedelta

from atlas_api.errors import FailureClass
from atlas_api.training.status import ModelStatus, Outcome
from atlas_operator.failures.attempt import Failure, Success
from atlas_operator.objects.names import job_name
from atlas_operator.status.plan_types import EventType
from atlas_operator.training.backoff import retry_delay
from atlas_operator.training.context import PlanContext


def finish_attempt(context: PlanContext, result: Success | Failure) -> None:
    """Finish the attempt, which ended with *result*."""
    close_attempt(context)
    if isinstance(result, Success):
        finish_run(context, "Succeeded", None, None, result.model)
    else:
        fail_attempt(context, result.failure_class, result.reason, result.message)


def fail_attempt(context: PlanContext, failure: FailureClass, reason: str, message: str) -> None:
    """Note that the attempt failed. It is tried again while the budget of this class lasts; else the run has failed."""
    count = context.run.failures.get(failure, 0) + 1
    budget: int = context.limits.retries.model_dump(by_alias=True)[failure]
    context.set(failures={**context.run.failures, failure: count}, reason=reason, message=message)
    if count > budget:
        spent = f" (limits.retries.{failure} is {budget})" if budget else ""
        finish_run(context, "Failed", reason, message + spent)
        return
    delay = retry_delay(failure, count, job_name(context.metadata["name"], context.run.number, context.run.attempt))
    at = context.now + timedelta(seconds=round(delay))
    context.set(retry_at=at)
    context.requeue_at.append(at)
    context.event("Warning", "AttemptFailed", f"attempt {context.run.attempt} ended ({reason}): {message}")


def finish_run(
    context: PlanContext, outcome: Outcome, reason: str | None, message: str | None, model: ModelStatus | None = None
) -> None:
    """Finish the run, whose last attempt is over."""
    limits_hash = context.spec.limits_hash() if context.spec else None
    end = {"finished_at": context.now, "outcome": outcome, "reason": reason, "message": message}
    context.set(**end, paused=False, limits_hash=limits_hash)
    if model:
        context.status = context.status.model_copy(update={"model": model})
        message = f"the model is at {model.uri}"
    kind: EventType = "Warning" if outcome == "Failed" else "Normal"
    context.event(kind, f"Run{outcome}", f"run {context.run.number}: {message}")


def close_attempt(context: PlanContext) -> None:
    """Count how long the attempt ran, and forget what belonged to it alone."""
    run = context.run
    until = context.attempt.ended_at() or context.now
    ran = (until - run.running_at).total_seconds() if run.running_at else 0
    over = {"running_at": None, "stopping": None, "retry_at": None, "waiting_since": None, "blocked_since": None}
    context.set(ran_seconds=run.ran_seconds + max(0, int(ran)), **over)
