"""
What to do about one AtlasTraining: all behaviour of the operator starts here, and it is pure.

Called by `reconcile` with what `cluster` observed. The status says which run and attempt there should be; children are
made after it, under names that follow from it, so that a crash at any point is repaired by the next look:

    live run        watch the attempt -> stop it (suspend, replace, move, deadline) or conclude it (`live_run`)
    no live run     a cause (`triggers`) begins the next one (`beginning`)
    always          children that nobody needs any more are deleted (`sweep`)

One attempt is live at a time: nothing is created while a job or pod of another one may still write.
"""

from datetime import datetime

from atlas_api.training.status import AtlasTrainingStatus, Trigger
from atlas_operator.cluster.observed import Observed
from atlas_operator.status.plan_types import Plan
from atlas_operator.training.cleanup import leftovers
from atlas_operator.training.conditions import Facts, conditions, phase
from atlas_operator.training.context import Look
from atlas_operator.training.display import display
from atlas_operator.training.history import fitting
from atlas_operator.training.lifecycle.advance import advance
from atlas_operator.training.lifecycle.start import begin_if_due
from atlas_operator.training.preconditions import Refusal
from atlas_operator.training.triggers import follower


def plan(
    observed: Observed,
    default_image: str | None,
    now: datetime,
    hindrance: Refusal | None = None,
    allow_code: bool = False,
) -> Plan:
    """Decide. *default_image* is used where `compute.image` is left out; *now* is aware.

    *hindrance* is why the API server refused what the last plan wanted to create. *allow_code*: pods may run
    completions as code. Deletion needs nothing: the API server collects what the training owns.
    """
    if observed.training["metadata"].get("deletionTimestamp"):
        return Plan(status=None)
    look = Look(observed, default_image, now, hindrance, allow_code)
    if look.is_live:
        look.status = look.status.model_copy(update=look.attempt.told())
        advance(look)
    if not look.is_live:
        begin_if_due(look)
    look.delete += leftovers(observed, look.newest)
    _tell_hindrance(look)
    return Plan(
        status=_status(look),
        create=tuple(look.create),
        delete=tuple(found for found in look.delete if not found["metadata"].get("deletionTimestamp")),
        notes=tuple(look.notes),
        look_again_at=min(look.looks, default=None),
    )


def _status(look: Look) -> AtlasTrainingStatus:
    facts = Facts(
        generation=look.metadata.get("generation", 1),
        now=look.now,
        before=look.before.conditions,
        spec=look.spec,
        refusal=_hindrance(look),
        run=look.newest,
        state=look.attempt.state,
        ending=look.attempt.is_ending,
        diagnosis=look.attempt.diagnosis() if look.is_live else None,
        waiting_for=look.waiting_for,
        next_trigger=_next_trigger(look),
        model=look.status.model,
    )
    told = {
        "observed_generation": facts.generation,
        "history": look.status.history[: look.spec.history_limit] if look.spec else look.status.history,
        "run": look.newest,
        "phase": phase(facts),
        "message": _message(look),
        "conditions": conditions(facts),
    }
    status = look.status.model_copy(update=told)
    return fitting(status.model_copy(update={"display": display(status, look.spec)}))


def _next_trigger(look: Look) -> Trigger | None:
    """Why another run follows the live one, as far as can be said now."""
    if look.spec is None or look.refusal or not look.is_live:
        return None
    return follower(look.spec, look.run, look.retrain_at, look.status.last_handled_retrain_at)


def _tell_hindrance(look: Look) -> None:
    """Post an event when something begins to stand in the way."""
    told = {each.reason for each in look.before.conditions if each.type == "Accepted"}
    refusal = _hindrance(look)
    if refusal and refusal.reason not in told:
        look.note("Warning", refusal.reason, refusal.message)


def _hindrance(look: Look) -> Refusal | None:
    """A wrong spec, or what stands in the way of a run. What no run needs is no trouble while it is away."""
    wanted = look.is_live or look.due
    return look.refusal if look.refusal and (look.refusal.final or wanted) else None


def _message(look: Look) -> str | None:
    """What went wrong, while that is the newest thing to say."""
    run = look.newest
    return run.message if run and (run.finished_at or run.retry_at) else None
