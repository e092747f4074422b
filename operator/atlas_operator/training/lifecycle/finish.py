"""How an attempt, and a run with it, comes to an end: success, retry, failure. Called by `live_run` and `beginning`."""

from datetime import timedelta

from atlas_api.errors import FailureClass
from atlas_api.training.status import ModelStatus, Outcome
from atlas_operator.failures.attempt import Failure, Success
from atlas_operator.objects.labels import job_name
from atlas_operator.status.plan_types import EventType
from atlas_operator.training.backoff import retry_delay
from atlas_operator.training.context import Look


def conclude(look: Look, result: Success | Failure) -> None:
    """The attempt has ended with *result*."""
    attempt_over(look)
    if isinstance(result, Success):
        finish(look, "Succeeded", None, None, result.model)
    else:
        fail(look, result.failure_class, result.reason, result.message)


def fail(look: Look, failure: FailureClass, reason: str, message: str) -> None:
    """The attempt failed: it is tried again later while the budget of this class lasts; else the run has failed."""
    count = look.run.failures.get(failure, 0) + 1
    budget: int = look.limits.retries.model_dump(by_alias=True)[failure]
    look.set(failures={**look.run.failures, failure: count}, reason=reason, message=message)
    if count > budget:
        spent = f" (limits.retries.{failure} is {budget})" if budget else ""
        finish(look, "Failed", reason, message + spent)
        return
    delay = retry_delay(failure, count, job_name(look.metadata["name"], look.run.number, look.run.attempt))
    at = look.now + timedelta(seconds=round(delay))
    look.set(retry_at=at)
    look.looks.append(at)
    look.note("Warning", "AttemptFailed", f"attempt {look.run.attempt} ended ({reason}): {message}")


def finish(
    look: Look, outcome: Outcome, reason: str | None, message: str | None, model: ModelStatus | None = None
) -> None:
    """The run is over, as its last attempt is."""
    limits_hash = look.spec.limits_hash() if look.spec else None
    ended = {"finished_at": look.now, "outcome": outcome, "reason": reason, "message": message}
    look.set(**ended, paused=False, limits_hash=limits_hash)
    if model:
        look.status = look.status.model_copy(update={"model": model})
        message = f"the model is at {model.uri}"
    kind: EventType = "Warning" if outcome == "Failed" else "Normal"
    look.note(kind, f"Run{outcome}", f"run {look.run.number}: {message}")


def attempt_over(look: Look) -> None:
    """Count what the attempt ran, and forget what belonged to it alone."""
    run = look.run
    until = look.attempt.ended_at() or look.now
    ran = (until - run.running_at).total_seconds() if run.running_at else 0
    over = {"running_at": None, "stopping": None, "retry_at": None, "waiting_since": None}
    look.set(ran_seconds=run.ran_seconds + max(0, int(ran)), **over)
